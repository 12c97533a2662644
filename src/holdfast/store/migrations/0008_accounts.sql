-- People: accounts, what they may, how they are known again, and what happened with that.

create table account (
    id uuid primary key,
    email text not null constraint an_account_has_an_address check (length(email) between 3 and 254),
    name text not null constraint an_account_has_a_name check (length(name) between 1 and 200),
    phone text,
    language text not null default 'en',
    profile jsonb not null default '{}',
    password_hash text,
    password_changed_at timestamptz,
    totp_secret bytea,
    totp_since timestamptz,
    totp_step bigint not null default 0,
    recovery_hashes bytea[] not null default '{}',
    verified_at timestamptz,
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    signed_in_at timestamptz,
    constraint an_address_names_one_account unique (email),
    constraint an_address_is_kept_in_small_letters check (email = lower(email))
);

create table membership (
    account_id uuid not null references account (id) on delete cascade,
    organisation_id uuid not null references organisation (id),
    site_id bigint references site (id),
    role text not null constraint a_role_is_known check
        (role in ('owner', 'manager', 'staff', 'housekeeping', 'viewer', 'customer')),
    granted_by text not null,
    granted_at timestamptz not null default now(),
    constraint a_person_has_one_role_in_a_place unique nulls not distinct (account_id, organisation_id, site_id)
);
create index membership_of_organisation on membership (organisation_id, role, account_id);

-- A browser that has signed in. Only the hash of what it holds is kept.
create table session (
    token_hash bytea primary key,
    account_id uuid not null references account (id) on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    idle_until timestamptz not null,
    ends_at timestamptz not null,
    address text not null,
    agent text not null
);
create index session_of_account on session (account_id);
create index session_by_end on session (ends_at);

-- What programs hold. It never may more than whoever made it may now; made at the command line, it stands by itself.
create table api_token (
    id uuid primary key,
    token_hash bytea not null,
    organisation_id uuid not null references organisation (id),
    site_id bigint references site (id),
    account_id uuid references account (id) on delete cascade,
    name text not null constraint a_token_has_a_name check (length(name) between 1 and 100),
    scopes text[] not null constraint a_token_has_scopes check (cardinality(scopes) > 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    used_at timestamptz,
    revoked_at timestamptz,
    constraint a_token_is_known_by_its_hash unique (token_hash)
);
create index api_token_of_organisation on api_token (organisation_id, created_at, id);

-- Links that work once: set-up, signing in, invitations, resets, the proof of an address.
create table single_use (
    token_hash bytea primary key,
    id uuid not null,
    purpose text not null constraint a_link_has_a_known_purpose check
        (purpose in ('set_up', 'sign_in', 'invitation', 'reset', 'verify')),
    account_id uuid references account (id) on delete cascade,
    email text,
    organisation_id uuid references organisation (id),
    site_id bigint references site (id),
    role text,
    data jsonb not null default '{}',
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index single_use_of_organisation on single_use (organisation_id, created_at, id) where purpose = 'invitation';
create index single_use_of_account on single_use (account_id);
create index single_use_by_end on single_use (expires_at);

-- What happened with accounts, rights and tokens.
create table account_log (
    id uuid primary key,
    at timestamptz not null default now(),
    organisation_id uuid,
    account_id uuid,
    actor text not null,
    action text not null,
    address text,
    data jsonb not null default '{}'
);
create index account_log_of_organisation on account_log (organisation_id, at, id);
create index account_log_of_account on account_log (account_id, at, id);
create index account_log_by_age on account_log (at);

-- Moves whenever somebody's rights shrink or change: processes that remember rights look at it.
create table access (
    only_row boolean primary key default true constraint there_is_one_row check (only_row),
    version bigint not null default 0
);
insert into access default values;
