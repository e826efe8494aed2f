/**
 * What travels over HTTP, answers first: one zod schema for every view that the API gives.
 *
 * The types are those of `run.ts`; `exact` makes the compiler refuse a schema that forgets a field
 * of its type or invents one, so the two cannot drift apart. The API validates its answers with
 * these, the client reads them with the same ones, and the OpenAPI document derives from them.
 * Objects on the wire may gain fields: readers drop what they do not know.
 */
import { z } from 'zod';
import type { ActionDescription } from './action.ts';
import { ENDS, ERROR_CLASSES } from './definition.ts';
import type { Json, JsonObject } from './json.ts';
import type { Problem } from './errors.ts';
import { ALIVE, RUN_ENDS, RUN_STATUSES } from './run.ts';
import type {
  By,
  Failure,
  Gate,
  ParentTask,
  Repair,
  RestartPreview,
  RunStatus,
  RunSummary,
  RunView,
  TaskView,
} from './run.ts';
import type { AbovePreview } from './family.ts';

type Shape<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K>
    ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>>
    : z.ZodType<T[K]>;
};

/** An object schema with exactly the fields of `T`; `id` is its name in the OpenAPI document. */
export function exact<T extends object>(id: string, shape: Shape<T>, example?: T): z.ZodType<T> {
  // `Shape` has just proven what the compiler cannot conclude: these fields make a T.
  const meta = example === undefined ? { id } : { id, examples: [example] };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return z.object(shape).meta(meta) as unknown as z.ZodType<T>;
}

// Values come out of JSON.parse or the journal: looking into them again would only cost time.
export const jsonSchema: z.ZodType<Json> = z.any();
export const jsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), z.any());
export const text = z.string();
export const EXAMPLE_RUN = '019a8c53-7d2e-7b41-9d6c-0f6f3f1f0a11';
export const instant = z.number().describe('Milliseconds since the epoch, UTC');
export const count = z.int().nonnegative();

export const bySchema = exact<By>('By', {
  actor: text,
  reason: text.exactOptional(),
  request: text.exactOptional(),
  through: z.enum(['token', 'session', 'job']).exactOptional(),
});

export const failureSchema = exact<Failure>('Failure', {
  // Named: generators make an enum of it, and `enum class` is no name in most languages.
  class: z.enum(ERROR_CLASSES).meta({ id: 'ErrorClass' }),
  code: text,
  message: text,
  native: jsonSchema.exactOptional(),
});

export const parentTaskSchema = exact<ParentTask>('ParentTask', {
  run: text,
  task: text,
  attempt: count,
  root: text.exactOptional(),
  depth: count.exactOptional(),
});

export const gateSchema = exact<Gate>('Gate', {
  kind: z.enum([
    'upstream',
    'upstream-failed',
    'hold',
    'run-hold',
    'pool',
    'capacity',
    'time',
    'approval',
    'retry',
    'child-run',
    'items',
    'job',
    'cancel',
    'system',
    'parallel',
    'run-ended',
    'start',
  ]),
  words: text,
  on: text.exactOptional(),
  since: instant.exactOptional(),
  until: instant.exactOptional(),
});

export const progressSchema = exact<RunSummary['tasks']>('Progress', {
  total: count,
  ended: count,
  failed: count,
});

export const taskStatusSchema = z.enum([...ALIVE, ...ENDS]).meta({ id: 'TaskStatus' });
export const runStatusSchema: z.ZodType<RunStatus> = z.enum(RUN_STATUSES).meta({ id: 'RunStatus' });

export const taskViewSchema = exact<TaskView>('Task', {
  task: text,
  title: text.exactOptional(),
  kind: text,
  status: taskStatusSchema,
  attempt: count,
  startedAt: instant.exactOptional(),
  endedAt: instant.exactOptional(),
  output: jsonSchema.exactOptional(),
  failure: failureSchema.exactOptional(),
  job: jsonSchema.exactOptional(),
  child: text.exactOptional(),
  branch: count.exactOptional(),
  values: jsonObjectSchema.exactOptional(),
  because: z.enum(['edges', 'when', 'operator']).exactOptional(),
  forced: bySchema.exactOptional(),
  items: progressSchema.exactOptional(),
  needs: z.array(text),
  gates: z.array(gateSchema),
});

const summary = {
  id: text,
  workflow: text,
  version: count,
  status: runStatusSchema,
  key: text.exactOptional(),
  businessDate: text.exactOptional(),
  parent: parentTaskSchema.exactOptional(),
  by: bySchema,
  createdAt: instant,
  endedAt: instant.exactOptional(),
  tasks: progressSchema,
  aside: text
    .exactOptional()
    .describe('Why it is set aside: its history cannot be read or written'),
};
export const runSummarySchema = exact<RunSummary>('RunSummary', summary, {
  id: EXAMPLE_RUN,
  workflow: 'certificate-of-completion',
  version: 3,
  status: 'running',
  key: 'AB-123456',
  businessDate: '2026-03-01',
  by: { actor: 'ada' },
  createdAt: 1_772_352_000_000,
  tasks: { total: 5, ended: 2, failed: 0 },
});

export const runViewSchema = exact<RunView>('Run', {
  ...summary,
  title: text.exactOptional(),
  inputs: jsonObjectSchema,
  output: jsonSchema.exactOptional(),
  failure: failureSchema.exactOptional(),
  held: bySchema.exactOptional(),
  taskViews: z.array(taskViewSchema),
  next: text
    .exactOptional()
    .describe('There are more tasks: give it as `after` to the list of tasks'),
});

const abovePreviewSchema = exact<AbovePreview>('AbovePreview', {
  run: text,
  task: text,
  takesOver: z.boolean(),
  because: text.exactOptional(),
  runsAgain: z.array(text),
});

export const repairSchema = exact<Repair>('Repair', {
  run: text,
  reason: text,
  outcome: z.enum(['resumed', 'ended']),
  words: text,
});

export const restartPreviewSchema = exact<RestartPreview>('RestartPreview', {
  keeps: z.array(text),
  runsAgain: z.array(text),
  version: count,
  above: z.array(abovePreviewSchema).exactOptional(),
});

export const problemSchema = exact<Problem>('Mistake', {
  code: text,
  message: text,
  hint: text.exactOptional(),
  file: text.exactOptional(),
  line: count.exactOptional(),
  column: count.exactOptional(),
  path: text.exactOptional(),
});

/** RFC 9457, with the catalogue's code and what to do next. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly next: string;
  readonly retry: boolean;
  readonly expected?: string;
  readonly found?: string;
  readonly problems: readonly Problem[];
}
export const problemDocumentSchema = exact<ProblemDocument>(
  'Problem',
  {
    type: text,
    title: text,
    status: count,
    detail: text,
    code: text,
    next: text,
    retry: z.boolean(),
    expected: text.exactOptional(),
    found: text.exactOptional(),
    problems: z.array(problemSchema),
  },
  {
    type: '/docs/errors#run.unknown',
    title: 'There is no such run',
    status: 404,
    detail: 'There is no run "0199".',
    code: 'run.unknown',
    next: 'Look at the list of runs.',
    retry: false,
    problems: [],
  },
);

// ---- lists and small answers

export interface WirePage<T> {
  readonly items: readonly T[];
  /** Give it as `after` to read on; null at the end. */
  readonly next: string | null;
}
export function page<T>(id: string, item: z.ZodType<T>): z.ZodType<WirePage<T>> {
  return z.object({ items: z.array(item), next: text.nullable() }).meta({ id });
}

export interface AcceptedAnswer {
  readonly run: string;
}
export const acceptedSchema = exact<AcceptedAnswer>(
  'Accepted',
  { run: text },
  { run: EXAMPLE_RUN },
);

export interface EventView {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly task: string | null;
  readonly attempt: number | null;
  readonly end: string | null;
  readonly data: JsonObject;
}
export const eventFields = {
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
export const eventBatchSchema = exact<EventBatch>('Events', {
  status: runStatusSchema,
  events: z.array(eventViewSchema),
  next: z.int(),
  more: z.boolean(),
});

export interface LogLine {
  readonly task: string;
  readonly attempt: number;
  readonly position: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly at: number;
  readonly text: string;
}
export const logLineSchema = exact<LogLine>('LogChunk', {
  task: text,
  attempt: count,
  position: count,
  stream: z.enum(['out', 'err', 'note']),
  at: instant,
  text,
});
export interface LogBatch {
  readonly status: RunStatus;
  readonly chunks: readonly LogLine[];
  /** Give it as `after` to read on; null while there is no log at all. */
  readonly next: string | null;
  readonly more: boolean;
}
export const logBatchSchema = exact<LogBatch>('Logs', {
  status: runStatusSchema,
  chunks: z.array(logLineSchema),
  next: text.nullable(),
  more: z.boolean(),
});

export interface WhyAnswer {
  readonly run: string;
  readonly status: RunStatus;
  /** Every task that has not ended, and what it waits for. */
  readonly tasks: readonly WhyTask[];
  /** Why the run is set aside. */
  readonly aside?: string;
  /** There are more: give it as `after`. */
  readonly next?: string;
}
export interface WhyTask {
  readonly task: string;
  readonly status: TaskView['status'];
  readonly gates: readonly Gate[];
}
export const whyTaskSchema = exact<WhyTask>('WhyTask', {
  task: text,
  status: taskStatusSchema,
  gates: z.array(gateSchema),
});
export const whySchema = exact<WhyAnswer>('Why', {
  run: text,
  status: runStatusSchema,
  tasks: z.array(whyTaskSchema),
  aside: text.exactOptional(),
  next: text.exactOptional().describe('There are more: give it as `after`'),
});

export interface BulkCount {
  readonly count: number;
  /** There are more than `count`, and a bulk command would be refused. */
  readonly more?: true;
}
export const bulkCountAnswerSchema = exact<BulkCount>('BulkCount', {
  count,
  more: z
    .literal(true)
    .exactOptional()
    .describe('There are more than `count`: too many for one bulk command'),
});

export interface BulkView {
  readonly id: string;
  readonly verb: string;
  readonly status: 'running' | 'done' | 'cancelled';
  /** As it was asked, with times in milliseconds since the epoch. */
  readonly filter: JsonObject;
  readonly by: By;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** Runs that were counted when it began, were commanded, refused the command. */
  readonly total: number;
  readonly done: number;
  readonly refused: number;
  /** Refusals, the first hundred. */
  readonly refusals: readonly {
    readonly run: string;
    readonly code: string;
    readonly message: string;
  }[];
}
export const bulkViewSchema = exact<BulkView>('Bulk', {
  id: text,
  verb: text,
  status: z.enum(['running', 'done', 'cancelled']),
  filter: jsonObjectSchema,
  by: bySchema,
  createdAt: instant,
  endedAt: instant.nullable(),
  total: count,
  done: count,
  refused: count,
  refusals: z.array(z.object({ run: text, code: text, message: text })),
});

export interface SystemSummary {
  readonly name: string;
  readonly kind: string;
}
export const systemSummarySchema = exact<SystemSummary>('System', { name: text, kind: text });

export interface ActionView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly system: 'required' | 'optional' | 'none';
  /** JSON Schemas. */
  readonly input: JsonObject;
  readonly output: JsonObject;
  readonly examples: ActionDescription['examples'];
}
const examplesSchema: z.ZodType<ActionDescription['examples']> = z.any();
export const actionViewSchema = exact<ActionView>('Action', {
  name: text,
  title: text,
  description: text,
  system: z.enum(['required', 'optional', 'none']),
  input: jsonObjectSchema,
  output: jsonObjectSchema,
  examples: examplesSchema,
});

export const runPageSchema = page('RunPage', runSummarySchema);
export const bulkPageSchema = page('BulkPage', bulkViewSchema);
export const taskListSchema = page('TaskList', taskViewSchema);
export interface NodeView {
  readonly node: number;
  readonly name: string;
  /** Where the other nodes reach it; null when it does not say. */
  readonly url: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly alive: boolean;
  readonly leaseUntil: number;
  readonly registeredAt: number | null;
  readonly active: number;
  readonly asleep: number;
}
export const nodeViewSchema = exact<NodeView>('NodeView', {
  node: z.int(),
  name: text,
  url: text.nullable().describe('Where the other nodes reach it'),
  host: text.nullable(),
  pid: z.int().nullable(),
  alive: z.boolean().describe('Its lease has not ended'),
  leaseUntil: z.number().describe("By the database's clock; 0: given back or taken away"),
  registeredAt: z.number().nullable(),
  active: count.describe('Open runs that it works on'),
  asleep: count.describe('Open runs that wait for a time or a command'),
});
export const nodeListSchema = page('NodeList', nodeViewSchema);
export const systemListSchema = page('SystemList', systemSummarySchema);
export const actionListSchema = page('ActionList', actionViewSchema);
export const RUN_IS_OVER: ReadonlySet<RunStatus> = new Set(RUN_ENDS);
