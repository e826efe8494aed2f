/**
 * The workflow file: one zod schema per field, and the JSON Schema that editors complete with.
 *
 * The schemas say what a field looks like on its own. What crosses fields (which modifiers fit
 * which kind of task, whether a task exists, types of expressions) is the reader's: see
 * `reading/`. Every leaf carries its own sentence, because a reader sees it under a caret.
 */
import { z } from 'zod';
import { ERROR_CLASSES } from '../model/definition.ts';
import { DURATION, parseDuration } from '../model/duration.ts';
import { bug } from '../model/errors.ts';

export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
export const NAME_CHARACTERS = 200;
/** Names that mean something to JavaScript objects: no expression could reach them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

/** How an edge of `needs` may be taken. */
export const NEED_ENDS = [
  'succeeded',
  'warned',
  'failed',
  'timed-out',
  'cancelled',
  'skipped',
  'done',
] as const;

/** Classes that a retry may take; `rejected` and `unknown` are never tried again blindly. */
const RETRY_CLASSES = ERROR_CLASSES.filter((name) => name !== 'rejected' && name !== 'unknown');

export const text = (what: string) => z.string({ error: `expected ${what}` });
const one = <T extends string>(values: readonly T[]) =>
  z.enum(values, { error: `expected ${values.join(', ').replace(/, ([^,]*)$/, ' or $1')}` });
export const whole = (from: number, to: number) => {
  const error = `expected a whole number from ${from} to ${to}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
};
const real = (from: number, to: number) => {
  const error = `expected a number from ${from} to ${to}`;
  return z.number({ error }).min(from, { error }).max(to, { error });
};

const nameError = 'expected a name of letters, digits, "_", "." and "-"';
export const name = z
  .string({ error: nameError })
  .max(NAME_CHARACTERS, { error: `a name has at most ${NAME_CHARACTERS} characters` })
  .regex(NAME, { error: nameError });
const duration = text('a duration such as 500ms, 30s, 1h30m or 2d').regex(DURATION, {
  error: 'expected a duration such as 500ms, 30s, 1h30m or 2d',
});

/** Of a duration that has passed its schema. */
export function durationMs(written: string): number {
  return parseDuration(written) ?? bug(`the schema lets "${written}" pass, which is no duration`);
}

const expression = z
  .union([z.string(), z.boolean()], { error: 'expected an expression' })
  .meta({ id: 'Expression', description: 'A CEL expression, bare or inside one ${{ }}' });
const values = z.record(z.string(), z.unknown(), { error: 'expected a map' });

const retry = z.strictObject(
  {
    attempts: whole(1, 1_000).optional().describe('Attempts in all, the first included. Default 3'),
    delay: duration.optional().describe('Before the second attempt. Default 10s'),
    backoff: real(1, 100)
      .optional()
      .describe('The delay is multiplied by this after each attempt. Default 2'),
    'max-delay': duration
      .optional()
      .describe('The delay never grows beyond this, whatever a service asks for. Default 10m'),
    jitter: real(0, 1)
      .optional()
      .describe('Share of the delay that chance may take away, 0 to 1. Default 0.1'),
    on: z
      .array(one(RETRY_CLASSES), { error: 'expected a list of error classes' })
      .min(1, { error: 'expected at least one error class' })
      .optional()
      .describe('Classes of failure that are tried again. Default failed, transient, timeout'),
  },
  { error: 'expected a number of attempts, or a map with attempts, delay...' },
);

const names = z.array(name, { error: 'expected a list of names' });
const need = one(NEED_ENDS);

const switchCase = z
  .strictObject(
    {
      when: expression.optional().describe('Takes this branch when it holds: true or false'),
      // oxlint-disable-next-line unicorn/no-thenable -- the word of the file; it is never awaited
      then: z
        .union([name, names], { error: 'expected a task or a list of tasks' })
        .optional()
        .describe('Tasks that this branch leads to'),
      else: z
        .union([name, names], { error: 'expected a task or a list of tasks' })
        .optional()
        .describe('Tasks when no case holds; stands last and alone'),
    },
    { error: 'expected a map with when and then, or with else' },
  )
  .meta({ id: 'SwitchCase' });

const approve = z.strictObject(
  {
    by: z
      .union(
        [
          text('a person or group'),
          z.array(text('a person or group')).min(1, { error: 'expected a person or group' }),
        ],
        {
          error: 'expected a person or group, or a list of them',
        },
      )
      .describe('Who may decide: people or groups'),
    title: text('a text').optional().describe('What is asked. May hold ${{ }}'),
    expires: duration.optional().describe('How long the question stands. Default: no limit'),
    'on-expiry': one(['approve', 'reject'])
      .optional()
      .describe('What expiry means. Default reject'),
  },
  { error: 'expected a map with by, title, expires and on-expiry' },
);

export const taskShape = {
  title: text('a text').optional().describe('The name that people see'),
  description: text('a text').optional().describe('What it is for'),
  action: text('an action such as shell.run')
    .regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, { error: 'expected an action such as shell.run' })
    .optional()
    .describe('Runs an action of a connector: connector, dot, verb'),
  system: name.optional().describe('The system that the action runs on, as systems.yaml names it'),
  with: values.optional().describe('Input of the action. Texts may hold ${{ }}'),
  workflow: name.optional().describe('Runs another workflow as a child run'),
  inputs: values.optional().describe('Inputs of the child run. Texts may hold ${{ }}'),
  switch: z
    .array(switchCase, { error: 'expected a list of cases' })
    .min(1, { error: 'expected at least one case' })
    .optional()
    .describe('Chooses the first case that holds'),
  wait: z
    .union(
      [
        duration,
        z.strictObject(
          {
            for: duration.optional().describe('Waits this long'),
            until: text('a time such as 2026-03-01T21:00:00Z, or ${{ }}')
              .optional()
              .describe('Waits until this time: ISO 8601 with a zone, or ${{ }}'),
          },
          { error: 'expected a duration, or a map with for or until' },
        ),
      ],
      { error: 'expected a duration, or a map with for or until' },
    )
    .optional()
    .describe('Waits for a duration or until a time'),
  approve: approve.optional().describe('Asks people'),
  needs: z
    .union(
      [
        name,
        names,
        z.record(z.string(), z.union([need, z.array(need).min(1, { error: 'expected an end' })])),
      ],
      {
        error: 'expected a list of tasks, or a map from task to the end that it needs',
      },
    )
    .optional()
    .describe('Tasks that come before: a list (they succeeded) or a map from task to its end'),
  join: one(['all', 'any'])
    .optional()
    .describe(
      'all: the task starts once every task before it has ended and at least one of the conditions is met; any: at the first one met. Default all',
    ),
  when: expression.optional().describe('One more condition: false skips the task'),
  each: z
    .union(
      [
        z.string(),
        z.array(z.unknown()),
        z.strictObject({
          items: z
            .union([z.string(), z.array(z.unknown())], {
              error: 'expected an expression or a list',
            })
            .describe('The list, or an expression that gives it'),
          parallel: whole(1, 10_000).optional().describe('Items at a time. Default 10'),
        }),
      ],
      { error: 'expected an expression, a list, or a map with items and parallel' },
    )
    .optional()
    .describe('Runs the task once for every item of a list, as `item` and `index`'),
  parallel: whole(1, 10_000).optional().describe('With each: items at a time. Default 10'),
  until: z
    .union(
      [
        expression,
        z.strictObject({
          holds: expression.describe('Over `output`: ends the repetition'),
          every: duration.optional().describe('Time between two attempts. Default 10s'),
          attempts: whole(1, 100_000).optional().describe('Then it fails. Default 360'),
        }),
      ],
      { error: 'expected an expression, or a map with holds, every and attempts' },
    )
    .optional()
    .describe('Repeats the action until the expression over `output` holds'),
  warn: expression.optional().describe('Over `output`: true ends the task warned, not succeeded'),
  retry: z
    .union([whole(1, 1_000), retry], {
      error: 'expected a number of attempts, or a map with attempts, delay...',
    })
    .optional()
    .describe('Tries again after failures'),
  timeout: duration.optional().describe('Ends an attempt that takes longer'),
  pool: z
    .union([name, z.record(z.string(), whole(1, 1_000_000))], {
      error: 'expected a pool, or a map from pool to slots',
    })
    .optional()
    .describe('Slots held while it works: a pool (one slot) or a map from pool to slots'),
} as const;

export const INPUT_TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array'] as const;

export const inputShape = {
  type: one(INPUT_TYPES).describe('The JSON type'),
  description: text('a text').optional().describe('What it is for'),
  required: z
    .boolean({ error: 'expected true or false' })
    .optional()
    .describe('Default true, unless there is a default'),
  default: z.unknown().optional().describe('Value when none is given'),
  enum: z
    .array(z.unknown(), { error: 'expected a list of values' })
    .min(1, { error: 'expected at least one value' })
    .optional()
    .describe('The values allowed'),
  pattern: text('a regular expression').optional().describe('RE2 pattern found in the text'),
  minimum: z.number({ error: 'expected a number' }).optional().describe('Smallest number'),
  maximum: z.number({ error: 'expected a number' }).optional().describe('Largest number'),
  minLength: whole(0, 1_000_000).optional().describe('Fewest characters'),
  maxLength: whole(0, 1_000_000).optional().describe('Most characters'),
} as const;

export const workflowShape = {
  $schema: text('an address').optional().describe('Address of this schema, for editors'),
  workflow: name.describe('Name of the workflow'),
  title: text('a text').optional().describe('The name that people see'),
  description: text('a text').optional().describe('What it is for'),
  owner: text('a text').optional().describe('Who answers for it'),
  inputs: values.optional().describe('What a run is given: declarations by name'),
  timeout: duration.optional().describe('Ends a run that takes longer'),
  pools: z
    .record(z.string(), whole(1, 1_000_000), { error: 'expected a map from pool to slots' })
    .optional()
    .describe('Pools of this workflow alone, and how many slots each has'),
  outputs: values.optional().describe('Output of the run. Texts may hold ${{ }}'),
  tasks: z
    .record(z.string(), z.unknown(), { error: 'expected a map of tasks' })
    .describe('Tasks by name'),
} as const;

/** The JSON Schema of a workflow file. */
export function workflowJsonSchema(): Record<string, unknown> {
  const task = z.strictObject(taskShape).meta({
    id: 'Task',
    description: 'A task: one of action, workflow, switch, wait or approve, and modifiers',
  });
  const input = z
    .union([one(INPUT_TYPES), z.strictObject(inputShape)])
    .meta({ id: 'Input', description: 'An input: its type, or a declaration' });
  const workflow = z.strictObject({
    ...workflowShape,
    inputs: z
      .record(z.string(), input)
      .optional()
      .describe('What a run is given: declarations by name'),
    tasks: z.record(name, task).describe('Tasks by name'),
  });
  const schema = z.toJSONSchema(workflow, { io: 'input', unrepresentable: 'any' });
  return {
    ...schema,
    title: 'Tutti workflow',
    description: 'A workflow: tasks, what they need, and how they run',
  };
}
