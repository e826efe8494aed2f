/**
 * The operator's verbs: hold, release, skip, force, restart, rerun, steer, approve, reject, cancel, repair.
 */
import type { Command } from 'commander';
import { Option } from 'commander';
import { TuttiError } from '../../model/errors.ts';
import type { RestartBody } from '../../protocol/commands.ts';
import type { RestartPreview } from '../../model/run.ts';
import { resolveRun } from '../client.ts';
import { type CommonOptions, connected, type Context, EXIT, type Runtime } from '../runtime.ts';
import { harmless, plural } from '../view/words.ts';
import { collect, declareConnected, withReason } from './command.ts';
import { parseJson, pairOf, positiveInteger } from './values.ts';

interface ReasonOptions extends CommonOptions {
  readonly reason?: string;
}

export function operateCommands(program: Command, runtime: Runtime): void {
  holdAndRelease(program, runtime);
  taskVerbs(program, runtime);
  decisions(program, runtime);
  force(program, runtime);
  steer(program, runtime);
  restart(program, runtime);
  cancel(program, runtime);
  repair(program, runtime);
}

async function onRun(
  context: Context<ReasonOptions>,
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
  context: Context<ReasonOptions>,
  [prefix = '', task = '']: readonly string[],
  verb: 'hold' | 'release' | 'skip' | 'rerun' | 'approve' | 'reject',
  done: string,
): Promise<number> {
  const run = await resolveRun(context.client, prefix);
  await context.client[`${verb}Task`]({ run, task, reason: context.options.reason });
  context.print({ run, task }, [`Task ${task} of run ${run} ${done}.`]);
  return EXIT.done;
}

function holdAndRelease(program: Command, runtime: Runtime): void {
  const verbs = [
    ['hold', 'Holds a run or one of its tasks: nothing new starts in it.', 'is held'],
    ['release', 'Releases a run or a task that is held.', 'is released'],
  ] as const;
  for (const [verb, summary, done] of verbs) {
    const command = declareConnected(program, {
      usage: `${verb} <run> [task]`,
      summary,
      examples: [`tutti ${verb} 0192f0 post-ledger --reason "ledger is being closed"`],
    });
    withReason(command).action(
      connected<ReasonOptions>(runtime, (context, operands) =>
        operands.length > 1
          ? onTask(context, operands, verb, done)
          : onRun(context, operands[0] ?? '', verb, done),
      ),
    );
  }
}

function taskVerbs(program: Command, runtime: Runtime): void {
  const verbs = [
    ['skip', 'Skips a task: what needs it goes on as if it had succeeded.', 'is skipped'],
    ['rerun', 'Runs one task again that has ended, and nothing else.', 'runs again'],
  ] as const;
  for (const [verb, summary, done] of verbs) {
    const command = declareConnected(program, {
      usage: `${verb} <run> <task>`,
      summary,
      examples: [`tutti ${verb} 0192f0 send-mail`],
    });
    withReason(command).action(
      connected<ReasonOptions>(runtime, (context, operands) =>
        onTask(context, operands, verb, done),
      ),
    );
  }
}

function decisions(program: Command, runtime: Runtime): void {
  const verbs = [
    ['approve', 'Approves what a task asks a person for.', 'is approved'],
    ['reject', 'Rejects what a task asks a person for.', 'is rejected'],
  ] as const;
  for (const [verb, summary, done] of verbs) {
    const command = declareConnected(program, {
      usage: `${verb} <run> <task>`,
      summary,
      examples: [`tutti ${verb} 0192f0 review --reason "checked with the customer"`],
    });
    withReason(command).action(
      connected<ReasonOptions>(runtime, (context, operands) =>
        onTask(context, operands, verb, done),
      ),
    );
  }
}

function cancel(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'cancel <run>',
    summary: 'Cancels a run: its jobs are stopped in their systems, then it ends.',
    examples: ['tutti cancel 0192f0 --reason "wrong inputs"'],
  });
  withReason(command).action(
    connected<ReasonOptions>(runtime, (context, [run = '']) =>
      onRun(context, run, 'cancel', 'is being cancelled'),
    ),
  );
}

interface ForceOptions extends CommonOptions {
  readonly as: 'succeeded' | 'failed';
  readonly reason: string;
  readonly output?: string;
}

function force(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'force <run> <task>',
    summary: 'Sets the end of a task by hand; who did it and why stays visible.',
    examples: ['tutti force 0192f0 post-ledger --as succeeded --reason "posted by hand"'],
  });
  command
    .addOption(
      new Option('--as <end>', 'The end that it gets.')
        .choices(['succeeded', 'failed'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'Why; kept in the history of the run.')
    .option('--output <json>', 'What dependents see as its output.')
    .action(
      connected<ForceOptions>(runtime, async (context, [prefix = '', task = '']) => {
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
      }),
    );
}

interface SteerOptions extends ReasonOptions {
  readonly to: string;
}

function steer(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'steer <run> <task>',
    summary: 'Chooses the branch of a switch by hand.',
    examples: ['tutti steer 0192f0 route --to review'],
  });
  withReason(command)
    .requiredOption('--to <task>', 'A task of the branch to take.')
    .action(
      connected<SteerOptions>(runtime, async (context, [prefix = '', task = '']) => {
        const { to, reason } = context.options;
        const run = await resolveRun(context.client, prefix);
        await context.client.steerTask({ run, task, to, reason });
        context.print({ run, task, to }, [`Switch ${task} of run ${run} goes to ${to}.`]);
        return EXIT.done;
      }),
    );
}

interface RestartOptions extends ReasonOptions {
  readonly from?: readonly string[];
  readonly preview?: boolean;
  readonly version?: number;
  readonly map?: readonly string[];
}

function restart(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'restart <run>',
    summary: 'Goes on with a run that failed, from its failures or from named tasks.',
    description: 'What succeeded is kept, with its outputs.',
    examples: ['tutti restart 0192f0 --preview', 'tutti restart 0192f0 --from post-ledger'],
  });
  withReason(command)
    .option('--from <task...>', 'The tasks to begin with; else every failure.')
    .option('--preview', 'Says what it would do, and does nothing.')
    .option('--version <n>', 'Goes on with this version of the workflow.', positiveInteger)
    .option('--map <new=old>', 'With --version: a task that was renamed; may be repeated.', collect)
    .action(connected<RestartOptions>(runtime, doRestart));
}

async function doRestart(
  context: Context<RestartOptions>,
  [prefix = '']: readonly string[],
): Promise<number> {
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
}

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
    `A restart of run ${run} would go on with version ${preview.version}.`,
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

function repair(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'repair <run>',
    summary: 'Repairs a run that is set aside because its history cannot be read or written.',
    description:
      'A run whose history can be read again goes on where it was; any other ends as failed. Events are never changed.',
    examples: ['tutti repair 0192f0 --preview'],
  });
  withReason(command)
    .option('--preview', 'Says what is wrong and what it would do, and does nothing.')
    .action(
      connected<ReasonOptions & { readonly preview?: boolean }>(
        runtime,
        async (context, [prefix = '']) => {
          const { client, options } = context;
          const run = await resolveRun(client, prefix);
          const { reason, preview = false } = options;
          const answer = await client.repairRun({ run, reason, preview });
          const done = preview ? `would be ${answer.outcome}` : `is ${answer.outcome}`;
          const lines = [`Run ${run} ${done}: ${harmless(answer.words)}.`];
          context.print(answer, [`It was set aside: ${harmless(answer.reason)}.`, ...lines]);
          return EXIT.done;
        },
      ),
    );
}
