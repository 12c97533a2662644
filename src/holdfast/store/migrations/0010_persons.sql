-- A person is found by their address: mails, and links that were sent to it.

create index mail_by_recipient on mail (lower(recipient));
create index single_use_by_email on single_use (email) where email is not null;
