-- How often whom was let in, as the processes share it: worth nothing after a crash, so it is not logged. And guesses
-- at secrets, which are throttled exactly; places from which an account was signed in to are not held up by others'.

create unlogged table request_count (
    period bigint not null,
    key bytea not null,
    used bigint not null,
    primary key (period, key),
    constraint a_count_is_of_a_digest check (length(key) = 16)
) with (fillfactor = 70);

create table guess (
    key bytea primary key,
    failures double precision not null,
    tried_at timestamptz not null,
    open_at timestamptz not null,
    constraint a_guess_is_of_a_digest check (length(key) = 32),
    constraint failures_are_counted_from_nought check (failures >= 0)
) with (fillfactor = 70);
create index guess_by_time on guess (tried_at);

create table known_place (
    account bytea not null,
    place bytea not null,
    seen_at timestamptz not null,
    primary key (account, place),
    constraint known_places_are_digests check (length(account) = 32 and length(place) = 32)
);
create index known_place_by_time on known_place (seen_at);
