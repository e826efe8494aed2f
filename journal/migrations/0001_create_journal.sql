-- The book and what is read from it. Forward only: never edited after a release.

-- The fence: a node may write while its row here has its epoch. Every append share-locks the
-- row, so it changes only when a node is registered, resigned or taken over.
create table nodes (
  id integer generated always as identity primary key,
  name text not null unique,
  epoch bigint not null default 0,
  host text,
  pid integer,
  url text,
  registered_at timestamptz
);

-- Apart from nodes because renewing must not queue behind the share locks of appends.
-- until is null once the lease was given back or taken away.
create table leases (
  node integer primary key references nodes,
  until timestamptz
);

create table workflows (
  name text primary key,
  title text,
  owner text,
  version integer not null default 0,
  deployed_at timestamptz
);

create table versions (
  workflow text not null references workflows,
  version integer not null,
  definition json not null,
  source text not null,
  directory text not null,
  deployed_at timestamptz not null,
  "by" json not null,
  primary key (workflow, version)
);

create table pools (
  name text primary key,
  capacity integer not null
);

-- The view of runs: written in the transaction of their events.
-- wake_at: null while the owner must hold the run in memory, infinity while only a command can
-- move it.
create table runs (
  id uuid primary key,
  created_at timestamptz not null,
  ended_at timestamptz,
  wake_at timestamptz,
  owner integer references nodes,
  version integer not null,
  total integer not null,
  ended integer not null default 0,
  failed integer not null default 0,
  parent_attempt integer,
  parent_run uuid,
  business_date date,
  workflow text not null,
  status text not null,
  key text,
  parent_task text,
  "by" json not null
) with (fillfactor = 85);

create index runs_newest on runs (created_at desc, id desc);
create index runs_of_workflow on runs (workflow, created_at desc, id desc);
create unique index runs_key on runs (key, workflow) where key is not null;
create index runs_of_parent on runs (parent_run, created_at desc, id desc) where parent_run is not null;
-- An open run is in exactly one of these two.
create index runs_active on runs (owner, id) where ended_at is null and wake_at is null;
create index runs_sleeping on runs (owner, wake_at) where ended_at is null and wake_at is not null;
create index runs_troubled on runs (created_at desc, id desc)
  where status in ('failed', 'timed-out', 'cancelled');

-- The book. data is the rest of the event, as it was written.
create table events (
  run_id uuid not null,
  at timestamptz not null,
  seq integer not null,
  attempt integer,
  type text not null,
  task text,
  "end" text,
  data json not null,
  primary key (run_id, seq)
);

-- Retention deletes whole runs, and says so: set local tutti.retention = 'on'.
create function refuse_change_of_events() returns trigger language plpgsql as $$
begin
  if current_setting('tutti.retention', true) is distinct from 'on' then
    raise exception 'events are append-only';
  end if;
  return null;
end $$;
create trigger events_are_append_only
  before update or delete or truncate on events
  for each statement execute function refuse_change_of_events();

-- The last word about each task, for people who query.
create view tasks as
  select distinct on (run_id, task)
    run_id, task, seq, type as last_event, at, attempt, "end", data
  from events
  where task is not null
  order by run_id, task, seq desc;

-- cursor: where to read the system's log on from, after this chunk.
create table task_logs (
  id bigint generated always as identity,
  at timestamptz not null,
  run_id uuid not null,
  attempt integer not null,
  position integer not null,
  task text not null,
  stream text not null,
  text text not null,
  cursor json,
  primary key (run_id, task, attempt, position)
);
create index task_logs_arrival on task_logs (run_id, id);
