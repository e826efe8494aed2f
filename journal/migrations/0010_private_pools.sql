-- A pool that a workflow declares is its own: its name here is `workflow/pool`. One that several
-- share is a document, with versions. What was declared until now stays as it was:
--   by one workflow: `same_as` leads from the old name, which its old versions use, to the new one;
--   by several: it is shared by them, until each has been deployed without it.
alter table pools
  add column workflow text,
  add column same_as text references pools,
  add column shared_by text[],
  add column title text,
  add column owner text,
  add column version integer not null default 0;

create table pool_versions (
  pool text not null references pools,
  version integer not null,
  slots integer not null,
  source text not null,
  deployed_at timestamptz not null,
  "by" json not null,
  primary key (pool, version)
);

with declared as (
  select declared.name, min(workflow) as workflow
  from versions, json_object_keys(definition -> 'pools') as declared(name)
  group by declared.name having count(distinct workflow) = 1
)
insert into pools (name, capacity, workflow)
select declared.workflow || '/' || declared.name,
  coalesce((
    select (versions.definition -> 'pools' ->> declared.name)::integer
    from versions join workflows on workflows.name = versions.workflow
      and workflows.version = versions.version
    where versions.workflow = declared.workflow), pools.capacity), declared.workflow
from declared join pools on pools.name = declared.name;

update pools set same_as = own.name from pools own
where own.workflow is not null and own.name = own.workflow || '/' || pools.name;
update slots set pool = pools.same_as from pools
where pools.name = slots.pool and pools.same_as is not null;

update pools set shared_by = declared.workflows from (
  select name, array_agg(distinct workflow order by workflow) as workflows
  from versions, json_object_keys(definition -> 'pools') as declared(name) group by name
) declared
where pools.name = declared.name and cardinality(declared.workflows) > 1;
