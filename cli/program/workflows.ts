/** Workflow files: validate, deploy, import, schema. */
import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { declare, declareConnected, whenCalled, withReason } from './command.ts';
import { factor } from './values.ts';

const work = () => import('../commands/workflows.ts');

export function workflowCommands(program: Command, runtime: Runtime): void {
  declare(program, {
    usage: 'validate <file...>',
    summary: 'Checks workflow files and reports every error with its location.',
    description: 'It needs no server. A single - reads standard input.',
    examples: ['tutti validate flows/*.yaml'],
  }).action(whenCalled(runtime, async () => (await work()).validate));
  const deploy = declareConnected(program, {
    usage: 'deploy <file...>',
    summary:
      'Stores workflows and pools as new versions; a file that has not changed stores nothing.',
    examples: ['tutti deploy flows/certificate.yaml --reason "second approval"'],
  });
  withReason(deploy).action(whenCalled(runtime, async () => (await work()).deploy));
  declare(program, {
    usage: 'import <format> <file>',
    summary: 'Prints a workflow made from a file of another format; wfformat is the one it knows.',
    description: 'Each task becomes a sleep of its recorded run time, or a no-op for 0.',
    examples: ['tutti import wfformat 1000genome.json --time-scale 0 > genome.yaml'],
  })
    .option('--time-scale <x>', 'Recorded run times are multiplied by this.', factor, 1)
    .action(whenCalled(runtime, async () => (await work()).importFile));
  declare(program, {
    usage: 'schema',
    summary: 'Prints the JSON Schema of workflow files, for editors.',
    examples: ['tutti schema > tutti.schema.json'],
  }).action(whenCalled(runtime, async () => (await work()).schema));
}
