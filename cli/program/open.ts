/** `tutti open`, as it stands in the help. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { declare, whenCalled } from './command.ts';

export function openCommand(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'open',
    summary: 'Opens Tutti in a browser, or prints the link where there is none.',
    description:
      'The link works once, within five minutes. What is done in that browser is done by the actor given.',
    examples: ['tutti open', 'tutti open --actor ada --no-browser'],
  })
    .option(
      '--actor <name>',
      'Name recorded as the operator at the browser (default: your login name).',
    )
    .option('--no-browser', 'Only prints the link.')
    .action(whenCalled(runtime, async () => (await import('../commands/open.ts')).open));
}
