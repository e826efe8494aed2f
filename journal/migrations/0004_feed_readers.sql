-- What was appended, in an order that readers can resume from: one row for each append, by the
-- number of its transaction. Events from before this migration are not in it.
-- spans: for each run of the append, in order: its id (16 bytes), the number of its first event
-- here (4, big-endian) and how many follow one another from there (4).
create table feed (
  xid xid8 primary key default pg_current_xact_id(),
  spans bytea not null
);
-- Ids do not compress.
alter table feed alter column spans set storage external;
