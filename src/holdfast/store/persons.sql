-- name: ids_of_bookings
-- A page of the bookings of a site that are kept under one of these keys.
select id from booking where site_id = $1 and customer_key = any($2::text[]) and id > $3 order by id limit $4;

-- name: live_bookings
-- How many live bookings an organisation's sites have under these keys, site by site.
select s.slug, count(*) as bookings
from site s join booking b on b.site_id = s.id and b.customer_key = any($2::text[]) and b.live
where s.organisation_id = $1 group by s.slug order by s.slug limit 100;

-- name: journal_of_bookings
-- A page of what a site's journal says of these bookings, booking by booking.
select version, at, effective_at, type, subject, actor, cause, data from journal
where site_id = $1 and subject = any($2::text[]) and (subject, version) > ($3, $4)
order by subject, version limit $5;

-- name: answers_of_site
-- A page of the answers to keyed commands that are kept of a site.
select key, body from answer where site_id = $1 and key > $2 order by key limit $3;

-- name: forget_answers
-- Answers that quote somebody.
delete from answer where site_id = $1 and key = any($2::text[]);

-- name: mails_of_person
-- A page of the mails to an address on behalf of an organisation, or with $3 also those of the account itself.
select id, kind, language, recipient, data, state, created_at, sent_at from mail
where lower(recipient) = $1 and (organisation_id = $2 or (organisation_id is null and $3)) and id > $4
order by id limit $5;

-- name: wait_for_tellers
-- Waits for whoever is just putting mails about an organisation's bookings into the queue, and lets nobody begin.
select p.site_id from mail_position p join site s on s.id = p.site_id
where s.organisation_id = $1 order by p.site_id for update of p;

-- name: forget_mails
-- The same mails, gone.
delete from mail where lower(recipient) = $1 and (organisation_id = $2 or (organisation_id is null and $3));

-- name: forget_links
-- Links that were sent to an address on behalf of an organisation.
delete from single_use where email = $1 and organisation_id = $2;

-- name: forget_roles
-- Every role of an account in an organisation.
delete from membership where account_id = $1 and organisation_id = $2;

-- name: forget_tokens
-- What programs an account gave tokens of an organisation to.
delete from api_token where account_id = $1 and organisation_id = $2;

-- name: forget_profiles
-- What an account said of itself to the sites of an organisation.
update account set profile = profile - (select coalesce(array_agg(slug), '{}') from site where organisation_id = $2)
where id = $1;

-- name: forget_account
-- An account, its sessions, links and tokens with it.
delete from account where id = $1;

-- name: forget_places
-- What was noted of an account stays, without the networks that it came from and the names that it gave.
update account_log set address = null, data = data - 'name'
where (organisation_id = $2 or (organisation_id is null and $3)) and (account_id = $1 or actor = $4)
    and (address is not null or data ? 'name');

-- name: is_of_organisation
-- Whether somebody has a role in an organisation, or had one as long as its log goes back.
select exists (select 1 from membership where account_id = $1 and organisation_id = $2)
    or exists (select 1 from account_log where account_id = $1 and organisation_id = $2);

-- name: is_of_others
-- Whether somebody has a role in another organisation.
select exists (select 1 from membership where account_id = $1 and organisation_id <> $2);

-- name: log_of_person
-- A page of what was noted of an account or done by it, newest first.
select id, at, organisation_id, account_id, actor, action, address, data from account_log
where (organisation_id = $2 or (organisation_id is null and $3)) and (account_id = $1 or actor = $4)
    and (at, id) < ($5, $6)
order by at desc, id desc limit $7;

-- name: names_of_accounts
-- How people are called who have a role in an organisation, or had one as long as its log goes back.
select a.id, a.name from account a
where a.id = any($2::uuid[]) and (
    exists (select 1 from membership m where m.account_id = a.id and m.organisation_id = $1)
    or exists (select 1 from account_log l where l.account_id = a.id and l.organisation_id = $1))
order by a.id limit 1000;

-- name: names_of_tokens
-- How an organisation's tokens are called.
select id, name from api_token where organisation_id = $1 and id = any($2::uuid[]) order by id limit 1000;
