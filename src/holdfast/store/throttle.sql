-- name: try
-- Counts one more failure for each of these keys that is open, and says for how many seconds the others are closed;
-- null when none is. A failure is forgotten after a quarter of an hour. Beyond five the key closes for a second, and
-- twice as long with each further one, up to a quarter of an hour. Whoever comes at the same moment waits for the row
-- and finds it closed; one that stays open keeps its instant, else whoever began a moment earlier would find it closed.
with tried as (
    insert into guess as g (key, failures, tried_at, open_at)
    select t.key, t.weight, now(), to_timestamp(0) from unnest($1::bytea[], $2::double precision[]) as t (key, weight)
    order by t.key
    on conflict (key) do update set
        failures = least(greatest(
            g.failures - greatest(extract(epoch from now() - g.tried_at)::double precision, 0) / 900, 0), 16)
            + excluded.failures,
        tried_at = now(),
        open_at = case
            when greatest(g.failures - greatest(extract(epoch from now() - g.tried_at)::double precision, 0) / 900, 0)
                + excluded.failures <= 5 then g.open_at
            else now() + interval '1 second' * least(900, 2 ^ (greatest(
                g.failures - greatest(extract(epoch from now() - g.tried_at)::double precision, 0) / 900, 0)
                + excluded.failures - 6)) end
    where g.open_at <= now()
    returning g.key
)
select max(greatest(extract(epoch from coalesce(g.open_at, now()) - now()), 0))::double precision as closed_s
from unnest($1::bytea[]) as k (key) left join guess g on g.key = k.key
where k.key not in (select key from tried);

-- name: take_back
-- Takes back what a success was counted as beforehand: of these keys so much.
update guess g set failures = greatest(g.failures - t.weight, 0)
from unnest($1::bytea[], $2::double precision[]) as t (key, weight) where g.key = t.key;

-- name: clear
-- Forgets the failures of a key.
delete from guess where key = $1;

-- name: is_known
-- Whether an account was signed in to from a place before.
select exists (select 1 from known_place where account = $1 and place = $2);

-- name: know
-- Remembers that an account was signed in to from a place.
insert into known_place (account, place, seen_at) values ($1, $2, now())
on conflict (account, place) do update set seen_at = excluded.seen_at;

-- name: forget_guesses
-- Guesses of more than a day ago, which no longer count, a bounded number at a time.
delete from guess where key in (
    select key from guess where tried_at < now() - interval '1 day' order by tried_at limit $1);

-- name: forget_places
-- Places from which nobody signed in for half a year, a bounded number at a time.
delete from known_place where (account, place) in (
    select account, place from known_place where seen_at < now() - interval '180 days' order by seen_at limit $1);
