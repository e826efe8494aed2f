/**
 * The operator's verbs: hold, release, skip, force, restart, rerun, steer, approve, reject, cancel, repair.
 */
import { TuttiError } from '../../model/errors.ts';
import type { RestartBody } from '../../protocol/commands.ts';
import type { RestartPreview } from '../../model/run.ts';
import { resolveRun } from '../client.ts';
import { type CommonOptions, connected, type CommandContext } from '../context.ts';
import { EXIT } from '../runtime.ts';
import { harmless, plural } from '../view/words.ts';
import { parseJson, pairOf } from './values.ts';

interface ReasonOptions extends CommonOptions {
  readonly reason?: string;
}

async function onRun(
  context: CommandContext<ReasonOptions>,
  prefix: string,
  verb: 'hold' | 'release' | 'cancel',
  done: string,
): Promise<number> {
  const run = await resolveRun(context.client, prefix);
  await context.client[`${verb}Run`]({ run, reason: context.options.reason });
  context.print({ run }, [`Run ${run} ${done}.`]);
  return EXIT.done;
}

async function onTask(
  context: CommandContext<ReasonOptions>,
  [prefix = '', task = '']: readonly string[],
  verb: 'hold' | 'release' | 'skip' | 'rerun' | 'approve' | 'reject',
  done: string,
): Promise<number> {
  const run = await resolveRun(context.client, prefix);
  await context.client[`${verb}Task`]({ run, task, reason: context.options.reason });
  context.print({ run, task }, [`Task ${task} of run ${run} ${done}.`]);
  return EXIT.done;
}

/** Of a whole run, where no task is named. */
function ofRunOrTask(verb: 'hold' | 'release', done: string) {
  return connected<ReasonOptions>((context, operands) =>
    operands.length > 1
      ? onTask(context, operands, verb, done)
      : onRun(context, operands[0] ?? '', verb, done),
  );
}

function ofTask(verb: 'skip' | 'rerun' | 'approve' | 'reject', done: string) {
  return connected<ReasonOptions>((context, operands) => onTask(context, operands, verb, done));
}

export const hold = ofRunOrTask('hold', 'is held');
export const release = ofRunOrTask('release', 'is released');
export const skip = ofTask('skip', 'is skipped');
export const rerun = ofTask('rerun', 'runs again');
export const approve = ofTask('approve', 'is approved');
export const reject = ofTask('reject', 'is rejected');

export const cancel = connected<ReasonOptions>((context, [run = '']) =>
  onRun(context, run, 'cancel', 'is being cancelled'),
);

interface ForceOptions extends CommonOptions {
  readonly as: 'succeeded' | 'failed';
  readonly reason: string;
  readonly output?: string;
}

export const force = connected<ForceOptions>(async (context, [prefix = '', task = '']) => {
  const { as, reason, output } = context.options;
  const run = await resolveRun(context.client, prefix);
  await context.client.forceTask({
    run,
    task,
    as,
    reason,
    ...(output === undefined ? {} : { output: parseJson(output, '--output') }),
  });
  context.print({ run, task, as }, [`Task ${task} of run ${run} is ${as} (forced).`]);
  return EXIT.done;
});

interface SteerOptions extends ReasonOptions {
  readonly to: string;
}

export const steer = connected<SteerOptions>(async (context, [prefix = '', task = '']) => {
  const { to, reason } = context.options;
  const run = await resolveRun(context.client, prefix);
  await context.client.steerTask({ run, task, to, reason });
  context.print({ run, task, to }, [`Switch ${task} of run ${run} goes to ${to}.`]);
  return EXIT.done;
});

interface RestartOptions extends ReasonOptions {
  readonly from?: readonly string[];
  readonly preview?: boolean;
  readonly version?: number;
  readonly map?: readonly string[];
}

export const restart = connected<RestartOptions>(async (context, [prefix = '']) => {
  const { client, options } = context;
  const run = await resolveRun(client, prefix);
  const body = restartBody(options);
  const preview = await client.previewRestart({ run, ...body });
  if (options.preview === true) {
    context.print(preview, previewLines(run, preview));
    return EXIT.done;
  }
  await client.restartRun({ run, ...body });
  context.print({ run, ...preview }, [
    `Run ${run} is restarted: ${plural(preview.runsAgain.length, 'task runs', 'tasks run')} again, ` +
      `${plural(preview.keeps.length, 'is kept', 'are kept')}.`,
    ...aboveLines(preview),
  ]);
  return EXIT.done;
});

function restartBody(options: RestartOptions): NonNullable<RestartBody> {
  const pairs = (options.map ?? []).map((text) => pairOf(text, '--map'));
  if (pairs.length > 0 && options.version === undefined) {
    throw new TuttiError('request.invalid', '--map needs --version.');
  }
  return {
    ...(options.from === undefined ? {} : { from: [...options.from] }),
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(pairs.length === 0 ? {} : { mapping: Object.fromEntries(pairs) }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
}

const NAMES_MAX = 50;
function named(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const rest = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function previewLines(run: string, preview: RestartPreview): string[] {
  return [
    `A restart of run ${run} would continue with version ${preview.version}.`,
    `  runs again (${preview.runsAgain.length}): ${named(preview.runsAgain)}`,
    `  keeps (${preview.keeps.length}): ${named(preview.keeps)}`,
    ...aboveLines(preview),
  ];
}

/** What becomes of the runs above a child run. */
function aboveLines({ above = [] }: RestartPreview): string[] {
  return above.map(({ run, task, takesOver, because, runsAgain }) => {
    if (!takesOver)
      return `  "${task}" of run ${run} does not wait for it: ${because ?? 'it is over'}`;
    const again = runsAgain.length === 0 ? '' : `; runs again there: ${named(runsAgain)}`;
    return `  "${task}" of run ${run} waits for it again, and takes over how it ends${again}`;
  });
}

interface RepairOptions extends ReasonOptions {
  readonly preview?: boolean;
}

export const repair = connected<RepairOptions>(async (context, [prefix = '']) => {
  const { client, options } = context;
  const run = await resolveRun(client, prefix);
  const { reason, preview = false } = options;
  const answer = await client.repairRun({ run, reason, preview });
  const done = preview ? `would be ${answer.outcome}` : `is ${answer.outcome}`;
  const lines = [`Run ${run} ${done}: ${harmless(answer.message)}.`];
  context.print(answer, [`It was set aside: ${harmless(answer.reason)}.`, ...lines]);
  return EXIT.done;
});
