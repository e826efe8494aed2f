-- A switch of which no case holds ends without a branch; until now it ended with branch -1, which no answer
-- of the API can hold.
set local tutti.retention = 'on';
update events set data = (data::jsonb - 'branch')::json
where type = 'TaskEnded' and strpos(data::text, '"branch":-1') > 0 and data ->> 'branch' = '-1';
set local tutti.retention = 'off';
