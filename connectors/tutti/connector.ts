/**
 * Actions that need no system: a task that only stands for a point in the plan, one that names
 * values for the tasks after it, and one that fails on purpose for tests and drills.
 */
import { z } from 'zod';
import { ERROR_CLASSES } from '../../model/definition.ts';
import { ActionFailure, boundedOutput, defineAction, defineConnector } from '../kit/index.ts';

const noop = defineAction({
  name: 'tutti.noop',
  title: 'Do nothing',
  description: 'Succeeds at once. A point where branches meet or that others wait for.',
  system: 'none',
  input: z.strictObject({}),
  output: z.strictObject({}),
  idempotent: true,
  examples: [{ title: 'A meeting point', with: {} }],
  does: { form: 'call', call: async () => ({}) },
});

const set = defineAction({
  name: 'tutti.set',
  title: 'Set values',
  description: 'Gives the values as output, so that later tasks can refer to them by one name.',
  system: 'none',
  input: z.strictObject({
    values: z.record(z.string(), z.json()).describe('The output, name by name'),
  }),
  output: z.record(z.string(), z.json()),
  idempotent: true,
  examples: [{ title: 'Two names', with: { values: { region: 'north', limit: 10_000 } } }],
  does: {
    form: 'call',
    call: async (_context, input) => boundedOutput('the set of values', input.values),
  },
});

const fail = defineAction({
  name: 'tutti.fail',
  title: 'Fail',
  description: 'Fails with the class and message given: for tests, drills and dead ends of a plan.',
  system: 'none',
  input: z.strictObject({
    class: z.enum(ERROR_CLASSES).default('failed').describe('How the failure is treated'),
    message: z.string().min(1).default('failed on purpose'),
  }),
  output: z.strictObject({}),
  idempotent: true,
  examples: [
    { title: 'A failure that retry may take', with: { class: 'transient', message: 'a drill' } },
  ],
  does: {
    form: 'call',
    call: async (_context, input): Promise<Record<string, never>> => {
      throw new ActionFailure({ class: input.class, code: 'tutti.fail', message: input.message });
    },
  },
});

export const tutti = defineConnector({
  name: 'tutti',
  title: 'Tutti',
  description: 'Actions that need no other system.',
  config: z.strictObject({}),
  concurrency: 1024,
  actions: [noop, set, fail],
  verified: 'needs no counterpart',
});
