/** Runs: start, list, look, follow. */
import {
  eventsQuerySchema,
  logsQuerySchema,
  runParamsSchema,
  runsQuerySchema,
  startRequestSchema,
  taskParamsSchema,
  tasksQuerySchema,
} from '../request.ts';
import {
  acceptedSchema,
  eventBatchSchema,
  logBatchSchema,
  runPageSchema,
  runViewSchema,
  taskListSchema,
  taskViewSchema,
  whySchema,
  whyTaskSchema,
} from '../wire.ts';
import { BODY_MAX_BYTES, READING, routes } from './route.ts';

const tags = ['runs'] as const;
const WAITING =
  'With `wait` it answers as soon as there is something new, else when the time is over.';

export const RUN_ROUTES = routes({
  listRuns: {
    method: 'GET',
    url: '/runs',
    schema: {
      tags,
      summary: 'List runs, the newest first',
      description:
        'A page costs what it holds, however many runs there are. With `parent` and `workflow` or `businessDate` ' +
        'a page may be short, or empty, and still have a `next`: read on until `next` is null.',
      querystring: runsQuerySchema,
      response: { 200: runPageSchema },
    },
    refusals: READING,
  },
  startRun: {
    method: 'POST',
    url: '/runs',
    bodyLimit: BODY_MAX_BYTES,
    schema: {
      tags,
      summary: 'Start a run',
      description: 'Of a workflow that is deployed, or of a `source` that is deployed first.',
      body: startRequestSchema,
      response: { 201: acceptedSchema },
    },
    refusals: [
      ...READING,
      'workflow.unknown',
      'version.unknown',
      'workflow.invalid',
      'inputs.invalid',
      'run.exists',
      'node.stopping',
      'node.fenced',
    ],
  },
  getRun: {
    method: 'GET',
    url: '/runs/:run',
    schema: {
      tags,
      summary: 'Look at a run with its tasks',
      description:
        'With the first 500 of them, or fewer when they are large. `next` says that there are more: the list of tasks goes on from there.',
      params: runParamsSchema,
      response: { 200: runViewSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
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
      summary: 'Say what every open task of a run waits for',
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
      summary: 'Say what a task waits for',
      params: taskParamsSchema,
      response: { 200: whyTaskSchema },
    },
    refusals: [...READING, 'run.unknown', 'task.unknown'],
  },
  readEvents: {
    method: 'GET',
    url: '/runs/:run/events',
    schema: {
      tags,
      summary: 'Read the history of a run on from an event',
      description: WAITING,
      params: runParamsSchema,
      querystring: eventsQuerySchema,
      response: { 200: eventBatchSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
  readLogs: {
    method: 'GET',
    url: '/runs/:run/logs',
    schema: {
      tags,
      summary: 'Read the log of a run or of one task on from a place',
      description: WAITING,
      params: runParamsSchema,
      querystring: logsQuerySchema,
      response: { 200: logBatchSchema },
    },
    refusals: [...READING, 'run.unknown'],
  },
});
