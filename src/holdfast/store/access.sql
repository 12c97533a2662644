-- name: actor_of_session
-- The account behind a session that still counts, and whether it was last seen long enough ago to say so again.
select a.id as account_id, a.email, s.idle_until, s.ends_at, s.seen_at, now() as now
from session s join account a on a.id = s.account_id
where s.token_hash = $1 and s.idle_until > now() and s.ends_at > now() and a.disabled_at is null;

-- name: session_seen
-- A session goes on: it counts as idle only after another while, and never beyond its end.
update session set seen_at = now(), idle_until = least(now() + make_interval(secs => $2), ends_at)
where token_hash = $1;

-- name: actor_of_token
-- A token that still counts, with the account that made it if one did; tokens of disabled people are none.
select t.id, t.organisation_id, t.site_id, t.account_id, t.scopes, t.used_at, t.expires_at, now() as now
from api_token t left join account a on a.id = t.account_id
where t.token_hash = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
    and a.disabled_at is null;

-- name: token_used
-- A token was used, to the minute or so.
update api_token set used_at = now() where id = $1;

-- name: grants_of_account
-- What an account was granted, in a stable order.
select organisation_id, site_id, role from membership
where account_id = $1 order by organisation_id, site_id nulls first limit 1000;

-- name: access_version
-- Where rights stand; it moves when somebody's shrink or change.
select version from access;

-- name: access_moved
-- Rights were taken or changed: whoever remembers some must look again.
update access set version = version + 1;

-- name: any_account
-- Whether there is any account that could sign in.
select exists (select from account);
