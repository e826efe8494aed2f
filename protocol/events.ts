/**
 * Events: the history of one run, read on from an event, and the stream of all runs. An event of the
 * stream is the event as its run's history shows it, with the run and the workflow that it belongs to.
 */
import { z } from 'zod';
import { COUNT_MAX, line, NAME_MAX } from '../model/bounds.ts';
import type { JsonObject } from '../model/json.ts';
import type { RunEvent, RunStatus } from '../model/run.ts';
import { runParamsSchema, waitSchema } from './question.ts';
import { READING, routes, WAITS } from './route.ts';
import { count, EXAMPLE_RUN, exact, instant, jsonObjectSchema, text } from './schema.ts';
import { runStatusSchema } from './tasks.ts';

const eventsQuerySchema = z.strictObject({
  after: z.coerce.number<number>().int().min(-1).max(COUNT_MAX).default(-1),
  limit: z.coerce.number<number>().int().min(1).max(5000).default(1000),
  wait: waitSchema,
});

export interface EventView {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly task: string | null;
  readonly attempt: number | null;
  readonly end: string | null;
  readonly data: JsonObject;
}
const eventFields = {
  seq: count,
  at: instant,
  type: text,
  task: text.nullable(),
  attempt: count.nullable(),
  end: text.nullable(),
  data: jsonObjectSchema,
};
export const eventViewSchema = exact<EventView>('Event', eventFields);
export interface EventBatch {
  /** The run's status when the events were read. */
  readonly status: RunStatus;
  readonly events: readonly EventView[];
  /** Give it as `after` to read on. */
  readonly next: number;
  /** More events are there already. */
  readonly more: boolean;
}
export const eventBatchSchema = exact<EventBatch>('EventBatch', {
  status: runStatusSchema,
  events: z.array(eventViewSchema),
  next: z.int(),
  more: z.boolean(),
});

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
  TaskMarkedUnknown: true,
  TaskResolved: true,
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
const EVENT_TYPES = Object.keys(TYPES);

export interface StreamedEvent extends EventView {
  readonly run: string;
  readonly workflow: string;
}
const streamedEventSchema = exact<StreamedEvent>(
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
const placeSchema = line(PLACE_MAX_LENGTH);

const streamQuerySchema = z.strictObject({
  run: line(NAME_MAX).optional().describe('Only events of this run, from its first on'),
  workflow: line(NAME_MAX).optional().describe('Only events of runs of this workflow'),
  types,
  lastEventId: placeSchema
    .optional()
    .describe('The `id` of the last event seen; the header Last-Event-ID goes before it'),
});

export const EVENT_ROUTES = routes({
  readEvents: {
    method: 'GET',
    url: '/runs/:run/events',
    schema: {
      tags: ['runs'],
      summary: 'Read the history of a run on from an event',
      description: WAITS,
      params: runParamsSchema,
      querystring: eventsQuerySchema,
      response: { 200: eventBatchSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
  streamEvents: {
    method: 'GET',
    url: '/events',
    schema: {
      tags: ['events'],
      summary: 'Follow the events of all runs, or of one',
      description:
        'Server-sent events, in a stable order. The stream of all runs begins now; with `run` it begins with the ' +
        'first event of that run. Reconnect with the `id` of the last event seen, in the header Last-Event-ID or as ' +
        '`lastEventId`: the stream resumes right after it, with no gaps or duplicates, on any node. Comments keep the ' +
        'connection alive; a frame with an `id` and no data only moves the position to resume from.',
      querystring: streamQuerySchema,
      response: { 200: streamedEventSchema },
    },
    stream: streamedEventSchema,
    refusals: [...READING, 'feed.gone', 'run.unknown', 'stream.full', 'node.stopping'],
  },
});
