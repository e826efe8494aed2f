-- Every run is written into each index twice, when it begins and when it ends. The list of all runs
-- is a merge of the ranges of `runs_of_status`, as that of a workflow is of its own: an index for it
-- alone costs each run more than all its lists save.
drop index runs_by_time;
