-- name: delete_old_answers
-- Answers to keyed commands that nobody will ask for again, a bounded number at a time; of one organisation, or all.
delete from answer where (site_id, key) in (
    select site_id, key from answer where at < now() - $1::double precision * interval '1 hour'
        and ($3::uuid is null or site_id in (select id from site where organisation_id = $3)) order by at limit $2);

-- name: delete_old_findings
-- Findings that were closed long ago, a bounded number at a time, of one organisation or all; the journal remembers them.
delete from finding where (site_id, id) in (
    select site_id, id from finding
    where not stands and closed_at < now() - $1::double precision * interval '1 day'
        and ($3::uuid is null or site_id in (select id from site where organisation_id = $3)) order by closed_at limit $2);

-- name: sites_to_trim
-- Sites, of one organisation or all, whose oldest journal line is older than so many days; the last line is always kept.
select s.id from site s
cross join lateral (select j.at from journal j where j.site_id = s.id order by j.version limit 1) as oldest
where s.id > $1 and s.version > s.trimmed_version + 1
    and oldest.at < now() - $2::double precision * interval '1 day'
    and ($4::uuid is null or s.organisation_id = $4)
order by s.id limit $3;

-- name: trim_journal
-- Lets go of the oldest lines of a site that are older than so many days, a bounded number at a time, and notes up to
-- where. Waits for the site's lock, so that whoever reads the two under it finds them in step.
with locked as materialized (
    select id, version, trimmed_version from site where id = $1 for no key update
), old as materialized (
    select j.version from journal j, locked
    where j.site_id = $1 and j.version > locked.trimmed_version and j.version <= locked.trimmed_version + $3
        and j.version < locked.version and j.at < now() - $2::double precision * interval '1 day'
), gone as (
    delete from journal j using old where j.site_id = $1 and j.version = old.version
)
update site s set trimmed_version = (select max(version) from old) from locked
where s.id = locked.id and exists (select 1 from old)
returning (select count(*) from old) as lines;
