-- When a store is held against its sources, row by row, and its lifetime value counted anew: each night on its clock.
-- `days` bounds how far back rows are compared: null is all of them, 0 none, only lifetime value.
create table store_verification (
    site_id bigint primary key references site (id),
    rule text not null,
    days integer constraint days_are_never_below_zero check (days >= 0),
    is_enabled boolean not null default true,
    due_at timestamptz,
    asked_at timestamptz,
    run_id uuid
) with (fillfactor = 70);
create index store_verification_by_due on store_verification (due_at) where due_at is not null;

insert into store_verification (site_id, rule, days, due_at)
select s.id, '20 3 * * *', 30, (date_trunc('day', now() at time zone s.time_zone) + interval '1 day 3 hours 20 minutes')
    at time zone s.time_zone
from site s where exists (select 1 from connection c where c.site_id = s.id);
