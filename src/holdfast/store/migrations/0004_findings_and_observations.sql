-- Findings are level-triggered: at most one of a rule and subject stands at a time. Observations are what agents and
-- staff saw last. Live bookings are found without reading those that are over.

alter table finding add column stands boolean not null default false;
update finding set stands = state = 'open';
update finding f set stands = false, state = 'resolved', closed_at = now(), closed_by = 'migration'
where f.stands and exists (
    select 1 from finding n
    where n.site_id = f.site_id and n.rule = f.rule and n.subject = f.subject and n.stands
        and (n.opened_at, n.id) > (f.opened_at, f.id));
create unique index one_finding_stands_per_rule_and_subject on finding (site_id, rule, subject) where stands;
create index finding_by_closing on finding (closed_at) where not stands;
create index booking_live on booking (site_id) where live;

create table observation (
    site_id bigint not null,
    unit_id bigint not null,
    kind text not null,
    seen text not null,
    since timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    seen_by text not null,
    primary key (site_id, unit_id, kind),
    constraint what_is_seen_is_seen_for_a_time check (since <= seen_at and seen_at < expires_at)
) with (fillfactor = 70);
