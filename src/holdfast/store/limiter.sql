-- name: share
-- Adds what this process counted, in the order of the keys so that two processes never wait for each other, and says
-- what all of them counted: in that window, and in the one before.
with told as (
    insert into request_count as c (period, key, used)
    select t.period, t.key, t.used from unnest($1::bigint[], $2::bytea[], $3::bigint[]) as t (period, key, used)
    order by t.period, t.key
    on conflict (period, key) do update set used = c.used + excluded.used
    returning c.period, c.key, c.used
)
select told.period, told.key, told.used, coalesce(before.used, 0) as before,
    extract(epoch from clock_timestamp())::double precision as now_s
from told left join request_count before on before.period = told.period - 1 and before.key = told.key
order by told.period, told.key;

-- name: forget
-- Lets go of the counts of windows that nobody weighs any more.
delete from request_count where period < $1;
