-- Printed from the result of the migrations; not run by anything.

create table bulk_runs (
  bulk uuid not null,
  run uuid not null,
  outcome text,
  message text
);

create table bulks (
  id uuid not null,
  created_at timestamp with time zone default now() not null,
  ended_at timestamp with time zone,
  cancelled_at timestamp with time zone,
  owner integer,
  total integer not null,
  done integer default 0 not null,
  refused integer default 0 not null,
  verb text not null,
  filter json not null,
  by json not null
);

create table events (
  run_id uuid not null,
  at timestamp with time zone not null,
  seq integer not null,
  attempt integer,
  type text not null,
  task text,
  "end" text,
  data json not null
);

create table feed (
  xid xid8 default pg_current_xact_id() not null,
  spans bytea not null
);

create table feed_start (
  one boolean default true not null,
  xid xid8 not null,
  skip integer not null
);

create table leases (
  node integer not null,
  until timestamp with time zone
);

create table migrations (
  number integer not null,
  name text not null,
  applied_at timestamp with time zone default now() not null
);

create table node_key (
  singular boolean default true not null,
  key bytea not null
);

create table nodes (
  id integer generated always as identity not null,
  name text not null,
  epoch bigint default 0 not null,
  host text,
  pid integer,
  url text,
  registered_at timestamp with time zone
);

create table pool_versions (
  pool text not null,
  version integer not null,
  slots integer not null,
  source text not null,
  deployed_at timestamp with time zone not null,
  by json not null
);

create table pools (
  name text not null,
  capacity integer not null,
  workflow text,
  same_as text,
  shared_by text[],
  title text,
  owner text,
  version integer default 0 not null
);

create table requests (
  key text not null,
  id uuid not null,
  fingerprint text not null,
  begun_at timestamp with time zone default now() not null,
  status integer,
  type text,
  location text,
  body text
);

create table retentions (
  id uuid not null,
  created_at timestamp with time zone default now() not null,
  ended_at timestamp with time zone,
  cancelled_at timestamp with time zone,
  owner integer,
  portions integer default 0 not null,
  scope json not null,
  place json not null,
  counts json not null,
  by json not null,
  failure text
);

create table runs (
  id uuid not null,
  created_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  wake_at timestamp with time zone,
  owner integer,
  version integer not null,
  total integer not null,
  ended integer default 0 not null,
  failed integer default 0 not null,
  parent_attempt integer,
  parent_run uuid,
  business_date date,
  workflow text not null,
  status text not null,
  key text,
  parent_task text,
  by json not null,
  aside text
);

create table slots (
  run uuid not null,
  task text not null,
  attempt integer not null,
  pool text not null,
  slots integer not null,
  taken_at timestamp with time zone default now() not null
);

create table task_logs (
  id bigint generated always as identity not null,
  at timestamp with time zone not null,
  run_id uuid not null,
  attempt integer not null,
  "position" integer not null,
  task text not null,
  stream text not null,
  text text not null,
  cursor json
);

create table versions (
  workflow text not null,
  version integer not null,
  definition json not null,
  source text not null,
  directory text not null,
  deployed_at timestamp with time zone not null,
  by json not null
);

create table workflows (
  name text not null,
  title text,
  owner text,
  version integer default 0 not null,
  deployed_at timestamp with time zone
);

alter table bulk_runs add constraint bulk_runs_pkey
  PRIMARY KEY (bulk, run);

alter table bulk_runs add constraint bulk_runs_bulk_fkey
  FOREIGN KEY (bulk) REFERENCES bulks(id) ON DELETE CASCADE;

alter table bulks add constraint bulks_pkey
  PRIMARY KEY (id);

alter table bulks add constraint bulks_owner_fkey
  FOREIGN KEY (owner) REFERENCES nodes(id);

alter table events add constraint events_pkey
  PRIMARY KEY (run_id, seq);

alter table feed add constraint feed_pkey
  PRIMARY KEY (xid);

alter table feed_start add constraint feed_start_pkey
  PRIMARY KEY (one);

alter table feed_start add constraint feed_start_one_check
  CHECK (one);

alter table leases add constraint leases_pkey
  PRIMARY KEY (node);

alter table leases add constraint leases_node_fkey
  FOREIGN KEY (node) REFERENCES nodes(id);

alter table migrations add constraint migrations_pkey
  PRIMARY KEY (number);

alter table node_key add constraint node_key_pkey
  PRIMARY KEY (singular);

alter table node_key add constraint node_key_singular_check
  CHECK (singular);

alter table nodes add constraint nodes_name_key
  UNIQUE (name);

alter table nodes add constraint nodes_pkey
  PRIMARY KEY (id);

alter table pool_versions add constraint pool_versions_pkey
  PRIMARY KEY (pool, version);

alter table pool_versions add constraint pool_versions_pool_fkey
  FOREIGN KEY (pool) REFERENCES pools(name);

alter table pools add constraint pools_pkey
  PRIMARY KEY (name);

alter table pools add constraint pools_same_as_fkey
  FOREIGN KEY (same_as) REFERENCES pools(name);

alter table requests add constraint requests_pkey
  PRIMARY KEY (key);

alter table retentions add constraint retentions_pkey
  PRIMARY KEY (id);

alter table runs add constraint runs_pkey
  PRIMARY KEY (id);

alter table slots add constraint slots_pkey
  PRIMARY KEY (run, task, attempt, pool);

alter table slots add constraint slots_pool_fkey
  FOREIGN KEY (pool) REFERENCES pools(name);

alter table task_logs add constraint task_logs_pkey
  PRIMARY KEY (run_id, task, attempt, "position");

alter table versions add constraint versions_pkey
  PRIMARY KEY (workflow, version);

alter table versions add constraint versions_workflow_fkey
  FOREIGN KEY (workflow) REFERENCES workflows(name);

alter table workflows add constraint workflows_pkey
  PRIMARY KEY (name);

CREATE INDEX bulk_runs_open ON public.bulk_runs USING btree (bulk, run) WHERE (outcome IS NULL);

CREATE INDEX bulk_runs_refused ON public.bulk_runs USING btree (bulk, run) WHERE (outcome <> 'done'::text);

CREATE INDEX bulks_by_time ON public.bulks USING btree (created_at, id);

CREATE INDEX bulks_open ON public.bulks USING btree (owner) WHERE (ended_at IS NULL);

CREATE INDEX bulks_over ON public.bulks USING btree (ended_at, id) WHERE (ended_at IS NOT NULL);

CREATE INDEX requests_begun ON public.requests USING btree (begun_at);

CREATE INDEX retentions_by_time ON public.retentions USING btree (created_at, id);

CREATE INDEX retentions_open ON public.retentions USING btree (owner) WHERE (ended_at IS NULL);

CREATE INDEX runs_active ON public.runs USING btree (owner, id) WHERE ((ended_at IS NULL) AND (wake_at IS NULL));

CREATE INDEX runs_aside ON public.runs USING btree (created_at DESC, id DESC) WHERE (aside IS NOT NULL);

CREATE UNIQUE INDEX runs_key ON public.runs USING btree (key, workflow) WHERE (key IS NOT NULL);

CREATE INDEX runs_of_date ON public.runs USING btree (business_date, status, created_at, id) WHERE ((business_date IS NOT NULL) AND (version > '-3'::integer));

CREATE INDEX runs_of_parent ON public.runs USING btree (parent_run, status, created_at, id) WHERE ((parent_run IS NOT NULL) AND (version > '-5'::integer));

CREATE INDEX runs_of_status ON public.runs USING btree (status, created_at, id) WHERE (version > '-1'::integer);

CREATE INDEX runs_of_workflow ON public.runs USING btree (workflow, status, created_at, id) WHERE (version > '-2'::integer);

CREATE INDEX runs_of_workflow_and_date ON public.runs USING btree (workflow, business_date, status, created_at, id) WHERE ((business_date IS NOT NULL) AND (version > '-4'::integer));

CREATE INDEX runs_sleeping ON public.runs USING btree (owner, wake_at) WHERE ((ended_at IS NULL) AND (wake_at IS NOT NULL));

CREATE INDEX slots_of_pool ON public.slots USING btree (pool);

CREATE INDEX task_logs_arrival ON public.task_logs USING btree (run_id, id);

CREATE OR REPLACE FUNCTION public.refuse_change_of_events()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if current_setting('tutti.retention', true) is distinct from 'on' then
    raise exception 'events are append-only';
  end if;
  return null;
end $function$;

CREATE TRIGGER events_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events();

create view tasks as
 SELECT DISTINCT ON (run_id, task) run_id,
    task,
    seq,
    type AS last_event,
    at,
    attempt,
    "end",
    data
   FROM events
  WHERE (task IS NOT NULL)
  ORDER BY run_id, task, seq DESC;
