-- Slots of pools that attempts hold. A row is a lease of its attempt: it counts only while its
-- run is open, and whoever takes a run over removes those of attempts that are over.
create table slots (
  run uuid not null,
  task text not null,
  attempt integer not null,
  pool text not null references pools,
  slots integer not null,
  taken_at timestamptz not null default now(),
  primary key (run, task, attempt, pool)
);
create index slots_of_pool on slots (pool);
