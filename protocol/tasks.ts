/** The tasks of a run: how each is, and why it waits. */
import { z } from 'zod';
import { ENDS } from '../model/definition.ts';
import { ALIVE, GATE_KINDS, RUN_STATUSES, SKIP_REASONS } from '../model/run.ts';
import type { Gate, RunStatus, RunSummary, TaskView } from '../model/run.ts';
import { COUNT_MAX } from '../model/bounds.ts';
import { TASKS_MAX } from '../model/task-range.ts';
import { runParamsSchema, taskParamsSchema } from './question.ts';
import { READING, routes } from './route.ts';
import {
  bySchema,
  count,
  exact,
  failureSchema,
  instant,
  jsonObjectSchema,
  jsonSchema,
  page,
  text,
} from './schema.ts';

const gateSchema = exact<Gate>('Gate', {
  kind: z.enum(GATE_KINDS),
  message: text,
  on: text.exactOptional(),
  since: instant.exactOptional(),
  until: instant.exactOptional(),
});

export const progressSchema = exact<RunSummary['tasks']>('Progress', {
  total: count,
  ended: count,
  failed: count,
});

const taskStatusSchema = z.enum([...ALIVE, ...ENDS]).meta({ id: 'TaskStatus' });
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
  because: z.enum(SKIP_REASONS).exactOptional(),
  skipReason: text.exactOptional().describe('Why it was skipped by the workflow, in a sentence'),
  forced: bySchema.exactOptional(),
  items: progressSchema.exactOptional(),
  needs: z.array(text),
  gates: z.array(gateSchema),
});
const taskListSchema = page('TaskList', taskViewSchema);

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
const whyTaskSchema = exact<WhyTask>('WhyTask', {
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

const tasksQuerySchema = z.strictObject({
  after: z.coerce.number<number>().int().min(0).max(COUNT_MAX).default(0),
  limit: z.coerce.number<number>().int().min(1).max(TASKS_MAX).default(TASKS_MAX),
});

const tags = ['runs'] as const;

export const TASK_ROUTES = routes({
  listTasks: {
    method: 'GET',
    url: '/runs/:run/tasks',
    schema: {
      tags,
      summary: 'List the tasks of a run',
      description:
        'In the order of the workflow, then the items of mapped tasks. A page may be short: read on until `next` is null. A restart between two pages can move tasks: begin again with the first page when the run has been restarted meanwhile.',
      params: runParamsSchema,
      querystring: tasksQuerySchema,
      response: { 200: taskListSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
  getTask: {
    method: 'GET',
    url: '/runs/:run/tasks/:task',
    schema: {
      tags,
      summary: 'Look at one task of a run',
      params: taskParamsSchema,
      response: { 200: taskViewSchema },
    },
    refusals: [...READING, 'run.unknown', 'task.unknown'],
  },
  explainRun: {
    method: 'GET',
    url: '/runs/:run/why',
    schema: {
      tags,
      summary: 'Explain what every open task of a run is waiting for',
      description: 'In pages: there are more tasks while there is a `next`.',
      params: runParamsSchema,
      querystring: tasksQuerySchema,
      response: { 200: whySchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
  explainTask: {
    method: 'GET',
    url: '/runs/:run/tasks/:task/why',
    schema: {
      tags,
      summary: 'Explain what a task is waiting for',
      params: taskParamsSchema,
      response: { 200: whyTaskSchema },
    },
    refusals: [...READING, 'run.unknown', 'task.unknown'],
  },
});
