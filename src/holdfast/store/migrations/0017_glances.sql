-- Until when a process takes a glance at whether a stream has news: no other does meanwhile, and none asks for a run.
alter table stream add column glanced_until timestamptz;
