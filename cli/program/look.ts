/** Looking: runs, show, why, logs, systems, nodes, pools. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { collect, declare, declareConnected, whenCalled } from './command.ts';
import { positiveInteger } from './values.ts';

const work = () => import('../commands/look.ts');

export function lookCommands(program: Command, runtime: Runtime): void {
  runCommands(program, runtime);
  logsCommand(program, runtime);
  nodeCommands(program, runtime);
}

function runCommands(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'runs',
    summary: 'Lists runs, the newest first.',
    examples: ['tutti runs --state running,held --workflow certificate-of-completion'],
  })
    .option('--state <status>', 'Only runs of this status; commas or repetition add more.', collect)
    .option('--workflow <name>', 'Only runs of this workflow.')
    .option('--key <key>', 'Only runs with this key.')
    .option('--limit <n>', 'At most this many.', positiveInteger, 20)
    .action(whenCalled(runtime, async () => (await work()).runs));
  declareConnected(program, {
    usage: 'show <run>',
    summary: 'Shows a run with all its tasks, and what the open ones wait for.',
    description: 'The beginning of a run id is enough where it is unique.',
    examples: ['tutti show 0192f0'],
  }).action(whenCalled(runtime, async () => (await work()).show));
  declareConnected(program, {
    usage: 'why <run> [task]',
    summary: 'Explains what a run or one of its tasks is waiting for.',
    examples: ['tutti why 0192f0', 'tutti why 0192f0 post-ledger'],
  }).action(whenCalled(runtime, async () => (await work()).why));
}

function logsCommand(program: Command, runtime: Runtime): void {
  declareConnected(program, {
    usage: 'logs <run> [task]',
    summary: 'Prints the log of a run or of one of its tasks.',
    description: 'With --json every chunk is a line of JSON.',
    examples: ['tutti logs 0192f0 provision --follow'],
  })
    .option('-f, --follow', 'Continues until the run has ended.')
    .option('--attempt <n>', 'Only this attempt of the task.', positiveInteger)
    .action(whenCalled(runtime, async () => (await work()).logs));
}

function nodeCommands(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'systems',
    summary: 'Lists the systems that tasks can use, after checking the systems file.',
    examples: ['tutti systems --systems ./systems.yaml'],
  })
    .option(
      '--systems <file>',
      'The systems file (default: systems.yaml in the data folder or in the working directory).',
    )
    .option('--secrets <dir>', 'The folder of secrets (default: `secrets` in the data folder).')
    .action(whenCalled(runtime, async () => (await work()).systems));
  declareConnected(program, {
    usage: 'nodes',
    summary: 'Lists the nodes that share the database, and what each works on.',
    examples: ['tutti nodes'],
  }).action(whenCalled(runtime, async () => (await work()).nodes));
  declareConnected(program, {
    usage: 'pools',
    summary: 'Lists pools, how many slots each has, and how many are held.',
    description: 'A pool without a workflow is shared: it was deployed as a file of its own.',
    examples: ['tutti pools'],
  }).action(whenCalled(runtime, async () => (await work()).pools));
}
