-- Attempts at a delivery are made in turns: one more with each time that it is sent again by hand, so that the jobs of
-- the turn before leave it alone. `trying_until` is the claim of whoever is sending it right now.
alter table webhook_delivery
    add column turn integer not null default 0,
    add column turn_from integer not null default 0,
    add column trying_until timestamptz;
