/** The operator's verbs, one POST each: what they need besides a reason, and what a preview answers. */
import { z } from 'zod';
import type { AbovePreview } from '../model/family.ts';
import type { Repair, RestartPreview } from '../model/run.ts';
import { reason, runParamsSchema, taskName, taskParamsSchema, version } from './question.ts';
import { COMMANDING, routes } from './route.ts';
import { acceptedSchema } from './runs.ts';
import { count, exact, jsonSchema, text } from './schema.ts';

/** The body of commands that need nothing but a reason; it may be left out altogether. */
const reasonRequestSchema = z
  .strictObject({ reason: reason.optional() })
  .nullish()
  .meta({ id: 'ReasonRequest' });
const repairRequestSchema = z
  .strictObject({
    preview: z.boolean().optional().describe('Shows what it would do, and changes nothing'),
    reason: reason.optional(),
  })
  .nullish()
  .meta({ id: 'RepairRequest' });
const forceRequestSchema = z
  .strictObject({
    as: z.enum(['succeeded', 'failed']),
    output: jsonSchema.exactOptional().describe('What dependents see as its output'),
    reason: reason.min(1),
  })
  .meta({ id: 'ForceRequest' });
const steerRequestSchema = z
  .strictObject({
    to: taskName.describe('A task of one of the branches'),
    reason: reason.optional(),
  })
  .meta({ id: 'SteerRequest' });
export const restartRequestSchema = z
  .strictObject({
    from: z.array(taskName).min(1).optional().describe('From every failure when absent'),
    version: version.optional().describe('Continue with this version of the workflow'),
    mapping: z
      .record(taskName, taskName)
      .optional()
      .describe('With `version`: new name to old name, for tasks that were renamed'),
    reason: reason.optional(),
  })
  .nullish()
  .meta({ id: 'RestartRequest' });
export type RestartBody = z.input<typeof restartRequestSchema>;

const abovePreviewSchema = exact<AbovePreview>('AbovePreview', {
  run: text,
  task: text,
  takesOver: z.boolean(),
  because: text.exactOptional(),
  runsAgain: z.array(text),
});

const repairSchema = exact<Repair>('Repair', {
  run: text,
  reason: text,
  outcome: z.enum(['resumed', 'ended']),
  message: text,
});

const restartPreviewSchema = exact<RestartPreview>('RestartPreview', {
  keeps: z.array(text),
  runsAgain: z.array(text),
  version: count,
  above: z.array(abovePreviewSchema).exactOptional(),
});

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
        'Repair a run that is set aside: it continues when its history can be read, else it ends as failed',
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
      summary: 'Restart a run that failed; what succeeded is kept',
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
      summary: 'Show what a restart would do, and change nothing',
      params: runParamsSchema,
      body: restartRequestSchema,
      response: { 200: restartPreviewSchema },
    },
    refusals: RESTARTING,
  },
  holdTask: taskVerb('hold', 'Hold a task: it does not start'),
  releaseTask: taskVerb('release', 'Release a task that is held'),
  skipTask: taskVerb('skip', 'Skip a task: the tasks that need it continue as if it had succeeded'),
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
