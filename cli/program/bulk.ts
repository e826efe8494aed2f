/** `tutti bulk`, as it stands in the help. */
import { type Command, Argument } from 'commander';
import { BULK_VERBS } from '../../model/bulk.ts';
import type { Runtime } from '../runtime.ts';
import { collect, declareConnected, whenCalled, withReason } from './command.ts';
import { wholeNumber } from './values.ts';

export function bulkCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'bulk',
    summary: 'Holds, releases, cancels or restarts every run that a filter finds.',
    description: 'Without --yes the command only counts them.',
    examples: [
      'tutti bulk cancel --workflow settle --state running --reason "wrong prices"',
      'tutti bulk restart --state failed --business-date 2026-03-01 --yes',
    ],
  });
  command
    .addArgument(new Argument('<verb>', 'What to do with each of them.').choices(BULK_VERBS))
    .option('--workflow <name>', 'Only runs of this workflow.')
    .option('--state <status>', 'Only runs of this status; commas or repetition add more.', collect)
    .option('--parent <run>', 'Only the child runs of this run.')
    .option('--business-date <date>', 'Only runs of this business date.')
    .option('--from <time>', 'Only runs created at this time or later, e.g. 2026-03-01T00:00:00Z.')
    .option('--until <time>', 'Only runs created before this time.')
    .option('--all', 'Every run, when no other condition is given.')
    .option('--yes', 'Carries out the command; without it the runs are only counted.')
    .option(
      '--expect <n>',
      'With --yes: does nothing unless exactly this many runs are found.',
      wholeNumber,
    );
  withReason(command).action(
    whenCalled(runtime, async () => (await import('../commands/bulk.ts')).bulk),
  );
}
