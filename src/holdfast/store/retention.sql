-- name: delete_old_answers
-- Answers to keyed commands that nobody will ask for again, a bounded number at a time.
delete from answer where (site_id, key) in (
    select site_id, key from answer where at < now() - $1::double precision * interval '1 hour' order by at limit $2);
