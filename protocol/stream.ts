/**
 * The stream of events: what it is asked with and what it holds. One event of it is the event as
 * a run's history shows it, with the run and the workflow that it belongs to.
 */
import { z } from 'zod';
import { line, NAME_MAX } from '../model/bounds.ts';
import type { RunEvent } from '../model/run.ts';
import { eventFields, EXAMPLE_RUN, exact } from './wire.ts';
import type { EventView } from './wire.ts';

/** A record, so that the compiler misses the type that is forgotten here. */
const TYPES: Readonly<Record<RunEvent['type'], true>> = {
  RunStarted: true,
  RunHeld: true,
  RunReleased: true,
  RunCancelRequested: true,
  RunRestarted: true,
  RunEnded: true,
  ParentTold: true,
  TaskHeld: true,
  TaskReleased: true,
  TaskStarted: true,
  TaskSubmitted: true,
  TaskLost: true,
  TaskFound: true,
  TaskCancelRequested: true,
  TaskRetrying: true,
  TaskWoken: true,
  TaskQueued: true,
  TaskExpanded: true,
  TaskSteered: true,
  TaskRerun: true,
  TaskReopened: true,
  TaskEnded: true,
  TaskSkipped: true,
};
export const EVENT_TYPES = Object.keys(TYPES);

export interface StreamedEvent extends EventView {
  readonly run: string;
  readonly workflow: string;
}
export const streamedEventSchema = exact<StreamedEvent>(
  'StreamedEvent',
  {
    ...eventFields,
    run: z.string(),
    workflow: z.string(),
  },
  {
    run: EXAMPLE_RUN,
    workflow: 'certificate-of-completion',
    seq: 4,
    at: 1_772_352_001_250,
    type: 'TaskEnded',
    task: 'post-ledger',
    attempt: 1,
    end: 'succeeded',
    data: { output: { returnCode: 0 } },
  },
);

const types = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (Array.isArray(value) ? value : [value]).flatMap((one) => one.split(',')))
  .pipe(z.array(z.enum(EVENT_TYPES)).min(1))
  .optional()
  .describe(
    'Only events of these types, e.g. RunStarted,RunEnded; repeat it, or separate by commas',
  );

const PLACE_MAX_LENGTH = 200;
export const placeSchema = line(PLACE_MAX_LENGTH);

export const streamQuerySchema = z.strictObject({
  run: line(NAME_MAX).optional().describe('Only events of this run, from its first on'),
  workflow: line(NAME_MAX).optional().describe('Only events of runs of this workflow'),
  types,
  lastEventId: placeSchema
    .optional()
    .describe('The `id` of the last event seen; the header Last-Event-ID goes before it'),
});
