/** `tutti run`, as it stands in the help. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { collect, declareConnected, whenCalled, withReason } from './command.ts';
import { logLimit, positiveInteger } from './values.ts';

export function runCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'run <workflow>',
    summary: 'Starts a run of a workflow and follows it to its end.',
    description:
      'The workflow is a name, or a file, which is deployed first. ' +
      'It ends with 0 when the run succeeded, 1 when it did not, 2 when the input is wrong.',
    examples: ['tutti run flows/hello.yaml -i name=Ada', 'tutti run hello --inputs order.json'],
  });
  withReason(command)
    .option('-i, --input <name=value>', 'An input; may be repeated.', collect)
    .option('--inputs <file>', 'A JSON or YAML file of inputs; --input overrides it.')
    .option('--version <n>', 'The version of the workflow (default: the newest).', positiveInteger)
    .option('--key <key>', 'Key of the run: at most one run of a workflow has this key.')
    .option('--business-date <date>', 'The day that the work is for, as YYYY-MM-DD.')
    .option(
      '--log-limit <size>',
      "How much of an attempt's log is kept when this command executes the run itself (default: 10MB).",
      logLimit,
    )
    .option('--detach', 'Prints the id of the run and does not follow it.')
    .action(whenCalled(runtime, async () => (await import('../commands/run.ts')).run));
}
