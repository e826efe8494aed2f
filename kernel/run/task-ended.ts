/** The event of a task's end: every end is made here, whoever brings it about. */
import type { Mutable } from '../../model/mutable.ts';
import type { TaskEnded } from '../../model/run.ts';

interface Details {
  readonly startedAt?: number | undefined;
  readonly output?: TaskEnded['output'] | undefined;
  readonly failure?: TaskEnded['failure'] | undefined;
  readonly branch?: number | undefined;
  readonly values?: TaskEnded['values'] | undefined;
  readonly forced?: TaskEnded['forced'] | undefined;
}

/** Filled in, and `startedAt` with the first fields: one for each task, and most have nothing more. */
export function taskEnded(
  { task, attempt }: Pick<TaskEnded, 'task' | 'attempt'>,
  end: TaskEnded['end'],
  at: number,
  { startedAt, output, failure, branch, values, forced }: Details,
): TaskEnded {
  const event: Mutable<TaskEnded> =
    startedAt === undefined
      ? { type: 'TaskEnded', at, task, attempt, end }
      : { type: 'TaskEnded', at, task, attempt, end, startedAt };
  // Most outputs are empty: no reason to store them.
  if (output !== undefined && output !== null) event.output = output;
  if (failure !== undefined) event.failure = failure;
  if (branch !== undefined) event.branch = branch;
  if (values !== undefined) event.values = values;
  if (forced !== undefined) event.forced = forced;
  return event;
}
