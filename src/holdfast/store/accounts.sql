-- name: account_by_id
-- One account.
select id, email, name, phone, language, profile, password_hash, totp_secret, totp_since, totp_step, recovery_hashes,
    verified_at, disabled_at, created_at, signed_in_at
from account where id = $1;

-- name: account_by_email
-- The account of an address in small letters.
select id, email, name, phone, language, profile, password_hash, totp_secret, totp_since, totp_step, recovery_hashes,
    verified_at, disabled_at, created_at, signed_in_at
from account where email = $1;

-- name: lock_account
-- One account, held until the transaction ends.
select id, email, name, phone, language, profile, password_hash, totp_secret, totp_since, totp_step, recovery_hashes,
    verified_at, disabled_at, created_at, signed_in_at
from account where id = $1 for update;

-- name: insert_account
-- A new account; no row when its address has one already.
insert into account (id, email, name, phone, language, profile, password_hash, password_changed_at, verified_at)
values ($1, $2, $3, $4, $5, $6, $7, case when $7::text is not null then now() end,
    case when $8 then now() end)
on conflict (email) do nothing
returning id;

-- name: change_account
-- What its owner may change of an account.
update account set name = $2, phone = $3, language = $4, profile = $5 where id = $1;

-- name: set_password
-- A new password; its address is proved when the way to it was a link sent there.
update account set password_hash = $2, password_changed_at = now(),
    verified_at = case when $3 then coalesce(verified_at, now()) else verified_at end
where id = $1;

-- name: rehash_password
-- The same password, hashed as is the custom now.
update account set password_hash = $3 where id = $1 and password_hash = $2;

-- name: verify_account
-- The address of an account is proved.
update account set verified_at = coalesce(verified_at, now()) where id = $1;

-- name: disable_account
-- An account is closed or opened again.
update account set disabled_at = case when $2 then coalesce(disabled_at, now()) end where id = $1;

-- name: signed_in
-- Somebody signed in.
update account set signed_in_at = now() where id = $1;

-- name: begin_totp
-- A second factor is shown to its owner; it counts once a code of it was given. No row when there is one that counts.
update account set totp_secret = $2, totp_step = 0, recovery_hashes = '{}' where id = $1 and totp_since is null
returning id;

-- name: confirm_totp
-- A second factor counts from now on, with codes for the day it is lost. No row when another secret was shown since.
update account set totp_since = now(), totp_step = $3, recovery_hashes = $4
where id = $1 and totp_secret = $2 and totp_since is null returning id;

-- name: sealed_totp
-- Second factors as they are sealed.
select id, totp_secret from account where totp_secret is not null order by id for update limit 1000000;

-- name: reseal_totp
-- The same second factor, sealed with another key.
update account set totp_secret = $2 where id = $1;

-- name: end_totp
-- No second factor any more.
update account set totp_secret = null, totp_since = null, totp_step = 0, recovery_hashes = '{}' where id = $1;

-- name: use_totp_step
-- A code was used: it and those before it count no more. No row when somebody else has just used it.
update account set totp_step = $2 where id = $1 and totp_step < $2 returning id;

-- name: use_recovery_code
-- A recovery code was used: it counts no more. No row when it is none.
update account set recovery_hashes = array_remove(recovery_hashes, $2) where id = $1 and $2 = any(recovery_hashes)
returning id;

-- name: insert_session
-- A browser has signed in.
insert into session (token_hash, account_id, idle_until, ends_at, address, agent)
values ($1, $2, least(now() + make_interval(secs => $3), now() + make_interval(secs => $4)),
    now() + make_interval(secs => $4), $5, $6);

-- name: sessions_of_account
-- Where an account is signed in, the last used first.
select token_hash, created_at, seen_at, ends_at, address, agent from session
where account_id = $1 and idle_until > now() and ends_at > now() order by seen_at desc, token_hash limit 100;

-- name: end_session
-- One session of an account is over.
delete from session where token_hash = $1 and account_id = $2 returning token_hash;

-- name: end_sessions
-- All sessions of an account are over, but for one.
delete from session where account_id = $1 and token_hash is distinct from $2 returning token_hash;

-- name: insert_link
-- A link that works once.
insert into single_use
    (token_hash, id, purpose, account_id, email, organisation_id, site_id, role, data, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11));

-- name: link
-- A link that still works, as it is.
select id, purpose, account_id, email, organisation_id, site_id, role, data, created_by, created_at, expires_at
from single_use where token_hash = $1 and purpose = $2 and expires_at > now();

-- name: use_link
-- A link is used up, if it still works.
delete from single_use where token_hash = $1 and purpose = $2 and expires_at > now()
returning id, purpose, account_id, email, organisation_id, site_id, role, data, created_by, created_at, expires_at;

-- name: end_links
-- Links of a purpose work no more: those of an account, or of an address, or with neither named all of them.
delete from single_use where purpose = $1 and ($2::uuid is null or account_id = $2) and ($3::text is null or email = $3);

-- name: invitations
-- Invitations of an organisation that still work, in the order of their making.
select id, purpose, account_id, email, organisation_id, site_id, role, data, created_by, created_at, expires_at
from single_use
where organisation_id = $1 and purpose = 'invitation' and expires_at > now() order by created_at, id limit 500;

-- name: end_invitation
-- An invitation works no more.
delete from single_use where id = $1 and organisation_id = $2 and purpose = 'invitation'
returning id, purpose, account_id, email, organisation_id, site_id, role, data, created_by, created_at, expires_at;

-- name: end_invitations_by
-- What somebody invited to works no more.
delete from single_use
where purpose = 'invitation' and created_by = $1 and ($2::uuid is null or organisation_id = $2);

-- name: grant
-- A role in a place; one there was before gives way.
insert into membership (account_id, organisation_id, site_id, role, granted_by) values ($1, $2, $3, $4, $5)
on conflict on constraint a_person_has_one_role_in_a_place
do update set role = excluded.role, granted_by = excluded.granted_by, granted_at = now();

-- name: grant_if_none
-- A role in a place, for somebody who has none there yet.
insert into membership (account_id, organisation_id, site_id, role, granted_by) values ($1, $2, $3, $4, $5)
on conflict on constraint a_person_has_one_role_in_a_place do nothing;

-- name: ungrant
-- A role in a place is taken away.
delete from membership where account_id = $1 and organisation_id = $2 and site_id is not distinct from $3
returning role;

-- name: role_of
-- The role somebody has in a place.
select role from membership where account_id = $1 and organisation_id = $2 and site_id is not distinct from $3;

-- name: lock_organisation
-- One organisation, held so that of two who remove its owners the second sees what the first did.
select id from organisation where id = $1 for no key update;

-- name: owners
-- The owners of an organisation who can sign in.
select m.account_id from membership m join account a on a.id = m.account_id
where m.organisation_id = $1 and m.site_id is null and m.role = 'owner' and a.disabled_at is null
order by m.account_id limit 1000;

-- name: people
-- The people of an organisation by address: its team or its customers, at one of its sites or anywhere, all or those
-- whose address or name holds a text in small letters.
select a.id, a.email, a.name, a.disabled_at, a.totp_since is not null as has_second_factor, a.signed_in_at,
    m.site_id, s.slug as site, m.role, m.granted_by, m.granted_at
from membership m join account a on a.id = m.account_id left join site s on s.id = m.site_id
where m.organisation_id = $1 and ($2::text[] is null or m.role = any($2))
    and ($3::bigint is null or m.site_id = $3 or m.site_id is null)
    and (a.email, a.id, coalesce(m.site_id, 0)) > ($4, $5, $6)
    and ($8::text is null or position($8 in lower(a.email || ' ' || a.name)) > 0)
order by a.email, a.id, coalesce(m.site_id, 0) limit $7;

-- name: organisations
-- Organisations in the order of their making: all, or those of an account.
select o.id, o.name, o.created_at from organisation o
where ($1::uuid[] is null or o.id = any($1)) and (o.created_at, o.id) > ($2, $3)
order by o.created_at, o.id limit $4;

-- name: organisation
-- One organisation.
select id, name, created_at from organisation where id = $1;

-- name: insert_organisation
-- A new organisation.
insert into organisation (name) values ($1) returning id, name, created_at;

-- name: rename_organisation
-- An organisation by another name.
update organisation set name = $2 where id = $1 returning id, name, created_at;

-- name: insert_token
-- A token for a program.
insert into api_token (id, token_hash, organisation_id, site_id, account_id, name, scopes, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning id, organisation_id, site_id, account_id, name, scopes, created_at, expires_at, used_at, revoked_at;

-- name: tokens
-- The tokens of an organisation in the order of their making.
select id, organisation_id, site_id, account_id, name, scopes, created_at, expires_at, used_at, revoked_at
from api_token where organisation_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4;

-- name: revoke_token
-- A token counts no more.
update api_token set revoked_at = coalesce(revoked_at, now()) where id = $1 and organisation_id = $2
returning id, organisation_id, site_id, account_id, name, scopes, created_at, expires_at, used_at, revoked_at;

-- name: token
-- One token of an organisation.
select id, organisation_id, site_id, account_id, name, scopes, created_at, expires_at, used_at, revoked_at
from api_token where id = $1 and organisation_id = $2;

-- name: insert_log
-- Something happened with accounts, rights or tokens.
insert into account_log (id, organisation_id, account_id, actor, action, address, data)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: log
-- What happened in an organisation, and of its people what belongs to none, such as their sign-ins; newest first.
select id, at, organisation_id, account_id, actor, action, address, data from (
    (select id, at, organisation_id, account_id, actor, action, address, data from account_log
    where organisation_id = $1 and (at, id) < ($2, $3) and ($4::text[] is null or action = any($4))
        and ($5::uuid is null or account_id = $5) and ($6::text is null or actor = $6)
        and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
    order by at desc, id desc limit $9)
    union all
    (select id, at, organisation_id, account_id, actor, action, address, data from account_log
    where organisation_id is null and account_id in (select m.account_id from membership m where m.organisation_id = $1)
        and (at, id) < ($2, $3) and ($4::text[] is null or action = any($4))
        and ($5::uuid is null or account_id = $5) and ($6::text is null or actor = $6)
        and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
    order by at desc, id desc limit $9)
) line
order by at desc, id desc limit $9;

-- name: log_of_account
-- What happened with an account, newest first.
select id, at, organisation_id, account_id, actor, action, address, data from account_log
where account_id = $1 and (at, id) < ($2, $3) order by at desc, id desc limit $4;

-- name: trim_log
-- Old lines are let go of.
delete from account_log where id in (
    select id from account_log where at < now() - $1::double precision * interval '1 day' order by at limit $2);

-- name: trim_links
-- Links that no longer work.
delete from single_use where token_hash in (
    select token_hash from single_use where expires_at < now() order by expires_at limit $1);

-- name: trim_sessions
-- Sessions that are over.
delete from session where token_hash in (
    select token_hash from session where ends_at < now() or idle_until < now() order by ends_at limit $1);
