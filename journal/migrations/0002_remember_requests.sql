-- Requests with an Idempotency-Key, and what was answered. Kept for a day.
-- id: what the request leaves its mark with: the id of a run that it starts, and in `by` of the
-- events that it caused.
create table requests (
  key text primary key,
  id uuid not null,
  fingerprint text not null,
  begun_at timestamptz not null default now(),
  status integer,
  type text,
  location text,
  body text
);
create index requests_begun on requests (begun_at);

-- Commands on many runs: what was counted is what is done.
create table bulks (
  id uuid primary key,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  cancelled_at timestamptz,
  owner integer references nodes,
  total integer not null,
  done integer not null default 0,
  refused integer not null default 0,
  verb text not null,
  filter json not null,
  "by" json not null
);
create index bulks_newest on bulks (created_at desc, id desc);
create index bulks_open on bulks (owner) where ended_at is null;

-- outcome: null until it was tried; `done`, or the code of the refusal.
create table bulk_runs (
  bulk uuid not null references bulks on delete cascade,
  run uuid not null,
  outcome text,
  message text,
  primary key (bulk, run)
);
create index bulk_runs_open on bulk_runs (bulk, run) where outcome is null;
