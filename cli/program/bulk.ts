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
    description: 'Without --yes it only counts them.',
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
    .option('--yes', 'Does it, to every run that the filter finds at that moment.')
    .option('--expect <n>', 'With --yes: nothing is done unless it finds so many.', wholeNumber);
  withReason(command).action(
    whenCalled(runtime, async () => (await import('../commands/bulk.ts')).bulk),
  );
}
