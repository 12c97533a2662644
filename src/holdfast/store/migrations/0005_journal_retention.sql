-- Old journal lines are let go of from the front: a site remembers up to which version, so that what is missing there
-- is known from what should be there.

alter table site add column trimmed_version bigint not null default 0
    constraint a_journal_is_trimmed_from_the_front check (trimmed_version between 0 and version);
