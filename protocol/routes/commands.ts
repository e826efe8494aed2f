/** The operator's verbs, one POST each. */
import {
  forceRequestSchema,
  reasonRequestSchema,
  repairRequestSchema,
  restartRequestSchema,
  runParamsSchema,
  steerRequestSchema,
  taskParamsSchema,
} from '../request.ts';
import { acceptedSchema, repairSchema, restartPreviewSchema } from '../wire.ts';
import { COMMANDING, routes } from './route.ts';

const tags = ['commands'] as const;
const ON_TASK = [...COMMANDING, 'task.unknown', 'task.wrong-status'] as const;
const RESTARTING = [
  ...COMMANDING,
  'task.unknown',
  'version.unknown',
  'restart.running',
  'restart.nothing',
] as const;

function runVerb<V extends string>(verb: V, summary: string) {
  return {
    method: 'POST',
    url: `/runs/:run/${verb}`,
    schema: {
      tags,
      summary,
      params: runParamsSchema,
      body: reasonRequestSchema,
      response: { 200: acceptedSchema },
    },
    refusals: COMMANDING,
  } as const;
}

function taskVerb<V extends string>(verb: V, summary: string) {
  return {
    method: 'POST',
    url: `/runs/:run/tasks/:task/${verb}`,
    schema: {
      tags,
      summary,
      params: taskParamsSchema,
      body: reasonRequestSchema,
      response: { 200: acceptedSchema },
    },
    refusals: [...ON_TASK, 'approval.not-allowed'],
  } as const;
}

export const COMMAND_ROUTES = routes({
  holdRun: runVerb('hold', 'Hold a run: nothing new starts in it'),
  releaseRun: runVerb('release', 'Release a run that is held'),
  cancelRun: runVerb('cancel', 'Cancel a run: its jobs are stopped in their systems, then it ends'),
  repairRun: {
    method: 'POST',
    url: '/runs/:run/repair',
    schema: {
      tags,
      summary:
        'Repair a run that is set aside: it goes on when its history can be read, else it ends as failed',
      params: runParamsSchema,
      body: repairRequestSchema,
      response: { 200: repairSchema },
    },
    refusals: [...COMMANDING, 'run.not-aside', 'run.unreadable'],
  },
  restartRun: {
    method: 'POST',
    url: '/runs/:run/restart',
    schema: {
      tags,
      summary: 'Go on with a run that failed; what succeeded is kept',
      params: runParamsSchema,
      body: restartRequestSchema,
      response: { 200: acceptedSchema },
    },
    refusals: RESTARTING,
  },
  previewRestart: {
    method: 'POST',
    url: '/runs/:run/restart-preview',
    schema: {
      tags,
      summary: 'Say what a restart would do, and do nothing',
      params: runParamsSchema,
      body: restartRequestSchema,
      response: { 200: restartPreviewSchema },
    },
    refusals: RESTARTING,
  },
  holdTask: taskVerb('hold', 'Hold a task: it does not start'),
  releaseTask: taskVerb('release', 'Release a task that is held'),
  skipTask: taskVerb('skip', 'Skip a task: what needs it goes on as if it had succeeded'),
  rerunTask: taskVerb('rerun', 'Run one task again that has ended, and nothing else'),
  approveTask: taskVerb('approve', 'Approve what a task asks a person for'),
  rejectTask: taskVerb('reject', 'Reject what a task asks a person for'),
  forceTask: {
    method: 'POST',
    url: '/runs/:run/tasks/:task/force',
    schema: {
      tags,
      summary: 'Set the end of a task by hand; who did it and why stays visible',
      params: taskParamsSchema,
      body: forceRequestSchema,
      response: { 200: acceptedSchema },
    },
    refusals: [...ON_TASK, 'output.too-large'],
  },
  steerTask: {
    method: 'POST',
    url: '/runs/:run/tasks/:task/steer',
    schema: {
      tags,
      summary: 'Choose the branch of a switch by hand',
      params: taskParamsSchema,
      body: steerRequestSchema,
      response: { 200: acceptedSchema },
    },
    refusals: [...ON_TASK, 'steer.unknown-branch'],
  },
});
