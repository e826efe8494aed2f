-- An outcome that cannot be told is recorded under the name of the status that it leads to, as in the
-- commands that ask for it. Events are append-only: this says so, as retention does, for its own time only.
set local tutti.retention = 'on';
update events
set type = case type when 'TaskLost' then 'TaskMarkedUnknown' else 'TaskResolved' end
where type in ('TaskLost', 'TaskFound');
set local tutti.retention = 'off';
