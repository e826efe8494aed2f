-- Deleting what is over, by its age: how far each is, so that it goes on after a crash.
create table retentions (
  id uuid primary key,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  cancelled_at timestamptz,
  owner integer,
  portions integer not null default 0,
  scope json not null,
  place json not null,
  counts json not null,
  "by" json not null,
  failure text
);
create index retentions_by_time on retentions (created_at, id);
create index retentions_open on retentions (owner) where ended_at is null;

-- The position of the feed up to which it was deleted; one row, or none.
create table feed_start (
  one boolean primary key default true check (one),
  xid xid8 not null,
  skip integer not null
);

-- Bulk commands that are over, by age.
create index bulks_over on bulks (ended_at, id) where ended_at is not null;
