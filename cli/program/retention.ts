/** `tutti retention`, as it stands in the help. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { declareConnected, whenCalled, withReason } from './command.ts';

export function retentionCommand(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'retention',
    summary: 'Deletes runs that are over, with their events and logs, by their age.',
    description:
      'Without --yes it only counts them. A run stays while one of its family (parents, children) is open or younger.',
    examples: [
      'tutti retention --older-than 90d --logs-older-than 7d',
      'tutti retention --older-than 90d --archive /var/archive/tutti --yes',
    ],
  });
  command
    .option('--older-than <age>', 'Runs that ended so long ago, e.g. 90d.')
    .option('--logs-older-than <age>', 'Only the logs of runs that ended so long ago.')
    .option('--workflow <name>', 'Only runs of this workflow, and their children.')
    .option(
      '--archive <dir>',
      'A folder of the server: all is written there before, as JSON lines.',
    )
    .option('--yes', 'Deletes.')
    .option('--stop <id>', 'Stops one that is under way; what is deleted stays deleted.');
  withReason(command).action(
    whenCalled(runtime, async () => (await import('../commands/retention.ts')).retention),
  );
}
