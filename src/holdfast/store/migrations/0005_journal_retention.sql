-- Old journal lines are let go of from the front: a site remembers up to which version, so that what is missing there
-- is known from what should be there.

alter table site add column trimmed_version bigint not null default 0
    constraint a_journal_is_trimmed_from_the_front check (trimmed_version between 0 and version);

-- Empty as long as nobody writes past the desk: what it holds is wrong.
create index booking_marked_wrong on booking (site_id)
    where not live and state in ('Held', 'Booked', 'Active', 'Reserved', 'CheckedIn', 'Pending', 'Approved');
