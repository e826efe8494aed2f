/**
 * Runs scripts and commands on the machine of this node. A job lives in a session of its own and
 * outlives Tutti: see `supervisor.ts` for how it starts, `attempt-folder.ts` for how it is found
 * again, `job.ts` for its life.
 */
import path from 'node:path';
import { z } from 'zod';
import {
  type ActionContext,
  ActionFailure,
  defineAction,
  defineConnector,
  textValue,
} from '../kit/index.ts';
import {
  cancelJob,
  followJob,
  locateJob,
  openJob,
  cleanUpJob,
  submitJob,
  type ShellWork,
} from './job.ts';
import { readLog } from './log.ts';
import { exitCodesSchema, OUTPUT_MODES, outputSchema } from './outcome.ts';
import { readState } from './attempt-folder.ts';
import { prepare } from './launcher.ts';
import { stateChange } from './supervisor.ts';

const noNul = z.string().regex(/^[^\0]*$/, 'must not hold NUL characters');
const input = z
  .strictObject({
    script: noNul.min(1).optional().describe('Text of a script, or instead:'),
    command: noNul.min(1).optional().describe('Program to run; no shell reads it'),
    args: z.array(textValue.pipe(noNul)).optional().describe("The command's arguments"),
    interpreter: noNul
      .min(1)
      .optional()
      .describe('What runs the script: sh (when absent), bash, python3, node, perl…'),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of letters, digits, _'),
        textValue.pipe(noNul),
      )
      .default({})
      .describe('Environment variables: the way that values reach a script'),
    cwd: noNul.min(1).optional().describe("Working folder; the workflow file's when absent"),
    output: z
      .enum(OUTPUT_MODES)
      .default('none')
      .describe('How to read the file $TUTTI_OUTPUT, or what was printed if there is none'),
    'exit-codes': exitCodesSchema.prefault({}),
    idempotent: z.boolean().default(false).describe('Running it twice does no harm'),
  })
  .refine((given) => (given.script === undefined) !== (given.command === undefined), {
    message: 'needs either `script` or `command`',
  })
  .refine((given) => given.script === undefined || given.args === undefined, {
    message: '`args` belong to `command`; a script gets its values by `env`',
    path: ['args'],
  })
  .refine((given) => given.command === undefined || given.interpreter === undefined, {
    message: '`interpreter` belongs to `script`; name the program as `command` instead',
    path: ['interpreter'],
  });
type Input = z.output<typeof input>;

/** The option that makes an interpreter run text; `-c` for all others. */
const TEXT_OPTION: Readonly<Record<string, string>> = {
  node: '-e',
  perl: '-e',
  ruby: '-e',
  php: '-r',
  pwsh: '-Command',
};

function workOf(context: ActionContext, given: Input): ShellWork {
  refuseWindows();
  const { env, output, idempotent } = given;
  const cwd = path.resolve(context.directory, given.cwd ?? '.');
  const exitCodes = given['exit-codes'];
  return { command: commandOf(given), cwd, env, output, exitCodes, idempotent };
}

function commandOf({ script, command, args, interpreter = 'sh' }: Input): readonly string[] {
  if (command !== undefined) return [command, ...(args ?? [])];
  return [interpreter, TEXT_OPTION[path.basename(interpreter)] ?? '-c', script ?? ''];
}

function refuseWindows(): void {
  if (process.platform !== 'win32') return;
  throw new ActionFailure({
    class: 'rejected',
    code: 'shell.unsupported',
    message:
      'shell.run needs sessions and signals as Linux and macOS have them; run this node there, or in WSL',
  });
}

const run = defineAction({
  name: 'shell.run',
  title: 'Run a script or command',
  description:
    'Runs on the machine of the node, in a session of its own that outlives Tutti. Its output streams are the log.',
  system: 'none',
  input,
  output: outputSchema,
  idempotent: (given) => given.idempotent,
  examples: [
    { title: 'A script', with: { script: './provision.sh "$ORDER"', env: { ORDER: 'AB-123456' } } },
    {
      title: 'A result as JSON',
      with: {
        interpreter: 'python3',
        script: 'import json; print(json.dumps({"rows": 12}))',
        output: 'json',
      },
    },
    {
      title: 'A command whose exit code 4 is a warning',
      with: { command: 'backup', args: ['--all'], 'exit-codes': { ok: [0], warn: [4] } },
    },
  ],
  does: {
    form: 'job',
    submit: async (context, given) => await submitJob(context, workOf(context, given)),
    locate: async (context, given) => await locateJob(context, workOf(context, given)),
    follow: followJob,
    cancel: cancelJob,
    log: async (context, job, cursor) => {
      const { folder } = openJob(context, job);
      // Asked before the files are read: what was written by then is all there is to read.
      const over = (await readState(folder)).kind === 'ended';
      return await readLog(folder, cursor, over);
    },
    cleanUp: cleanUpJob,
    wake: async (context, job) => await stateChange(openJob(context, job).folder, context.signal),
  },
});

export const shell = defineConnector({
  name: 'shell',
  title: 'Shell',
  description: 'Scripts and commands on the machine of the node.',
  config: z.strictObject({}),
  concurrency: 64,
  actions: [run],
  prepare,
  verified: 'real processes on Linux; macOS by design only; not on Windows',
});
