/** `tutti retention`, as it stands in the help. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { declareConnected, whenCalled, withReason } from './command.ts';

export function retentionCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'retention',
    summary: 'Deletes runs that ended long ago, with their events and logs.',
    description:
      'Without --yes the command only counts them. A run stays while one of its parents or children is open or younger.',
    examples: [
      'tutti retention --older-than 90d --logs-older-than 7d',
      'tutti retention --older-than 90d --archive /var/archive/tutti --yes',
    ],
  });
  command
    .option('--older-than <age>', 'Runs that ended longer ago than this, e.g. 90d.')
    .option('--logs-older-than <age>', 'Only the logs of runs that ended longer ago than this.')
    .option('--workflow <name>', 'Only runs of this workflow, and their children.')
    .option(
      '--archive <dir>',
      'A folder on the server; rows are written there as JSON lines before they are deleted.',
    )
    .option('--yes', 'Deletes; without it the runs are only counted.')
    .option('--stop <id>', 'Stops a retention that is running; deleted runs stay deleted.');
  withReason(command).action(
    whenCalled(runtime, async () => (await import('../commands/retention.ts')).retention),
  );
}
