-- Lists at volume: each filter of a list of runs has an index that holds its runs in the order of
-- the list, status by status; a list of several statuses merges their ranges. Ascending, because
-- new runs come at the end of each range, where the server packs pages full.
--
-- The planner believes that what is frequent stands everywhere: it would look for the runs that
-- succeeded among all of the last ones, and read thousands of others when those have failed. So
-- that it cannot, each index is a little less general than the one before, by a condition that is
-- true of every run and that only its own lists say (`version` is never below 1).
drop index runs_newest;
drop index runs_of_workflow;
drop index runs_of_parent;
drop index runs_troubled;
create index runs_by_time on runs (created_at, id) where version > 0;
create index runs_of_status on runs (status, created_at, id) where version > -1;
create index runs_of_workflow on runs (workflow, status, created_at, id) where version > -2;
create index runs_of_date on runs (business_date, status, created_at, id)
  where business_date is not null and version > -3;
create index runs_of_workflow_and_date on runs (workflow, business_date, status, created_at, id)
  where business_date is not null and version > -4;
create index runs_of_parent on runs (parent_run, status, created_at, id)
  where parent_run is not null and version > -5;

drop index bulks_newest;
create index bulks_by_time on bulks (created_at, id);
create index bulk_runs_refused on bulk_runs (bulk, run) where outcome <> 'done';

-- What is over leaves entries behind until it is vacuumed: sooner than at a fifth of a large table.
alter table runs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000);
