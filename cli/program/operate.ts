/**
 * The operator's verbs: hold, release, skip, force, restart, rerun, steer, approve, reject, cancel, repair.
 */
import { type Command, Option } from 'commander';
import type { Runtime } from '../runtime.ts';
import { collect, declareConnected, whenCalled, withReason } from './command.ts';
import { positiveInteger } from './values.ts';

const work = () => import('../commands/operate.ts');

export function operateCommands(program: Command, runtime: Runtime): void {
  plainVerbs(program, runtime);
  force(program, runtime);
  steer(program, runtime);
  restart(program, runtime);
  cancel(program, runtime);
  repair(program, runtime);
}

const PLAIN = [
  {
    verb: 'hold',
    operands: '<run> [task]',
    summary: 'Holds a run or a task so that it does not start; release undoes it.',
    example: 'post-ledger --reason "ledger is being closed"',
  },
  {
    verb: 'release',
    operands: '<run> [task]',
    summary: 'Releases a run or a task that is held.',
    example: 'post-ledger --reason "the ledger is open again"',
  },
  {
    verb: 'skip',
    operands: '<run> <task>',
    summary: 'Skips a task: the tasks that need it continue as if it had succeeded.',
    example: 'send-mail',
  },
  {
    verb: 'rerun',
    operands: '<run> <task>',
    summary: 'Runs one task again that has ended, and nothing else.',
    example: 'send-mail',
  },
  {
    verb: 'approve',
    operands: '<run> <task>',
    summary: 'Approves a task that waits for a decision.',
    example: 'review --reason "checked with the customer"',
  },
  {
    verb: 'reject',
    operands: '<run> <task>',
    summary: 'Rejects a task that waits for a decision.',
    example: 'review --reason "the customer withdrew it"',
  },
] as const;

function plainVerbs(program: Command, runtime: Runtime): void {
  for (const { verb, operands, summary, example } of PLAIN) {
    const command = declareConnected(program, {
      usage: `${verb} ${operands}`,
      summary,
      examples: [`tutti ${verb} 0192f0 ${example}`],
    });
    withReason(command).action(whenCalled(runtime, async () => (await work())[verb]));
  }
}

function cancel(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'cancel <run>',
    summary: 'Cancels a run: its jobs are stopped in their systems, then it ends.',
    examples: ['tutti cancel 0192f0 --reason "wrong inputs"'],
  });
  withReason(command).action(whenCalled(runtime, async () => (await work()).cancel));
}

function force(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'force <run> <task>',
    summary: 'Sets the end of a task by hand; who did it and why stays visible.',
    examples: ['tutti force 0192f0 post-ledger --as succeeded --reason "posted by hand"'],
  });
  command
    .addOption(
      new Option('--as <end>', 'Final status to set.')
        .choices(['succeeded', 'failed'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'Why; kept in the history of the run.')
    .option('--output <json>', 'What dependents see as its output.')
    .action(whenCalled(runtime, async () => (await work()).force));
}

function steer(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'steer <run> <task>',
    summary: 'Chooses the branch of a switch by hand.',
    examples: ['tutti steer 0192f0 route --to review'],
  });
  withReason(command)
    .requiredOption('--to <task>', 'A task of the branch to take.')
    .action(whenCalled(runtime, async () => (await work()).steer));
}

function restart(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'restart <run>',
    summary: 'Restarts a run that failed, from its failures or from named tasks.',
    description: 'What succeeded is kept, with its outputs.',
    examples: ['tutti restart 0192f0 --preview', 'tutti restart 0192f0 --from post-ledger'],
  });
  withReason(command)
    .option('--from <task...>', 'The tasks to begin with; else every failure.')
    .option('--preview', 'Shows what it would do, and changes nothing.')
    .option('--version <n>', 'Continues with this version of the workflow.', positiveInteger)
    .option('--map <new=old>', 'With --version: a task that was renamed; may be repeated.', collect)
    .action(whenCalled(runtime, async () => (await work()).restart));
}

function repair(program: Command, runtime: Runtime): void {
  const command = declareConnected(program, {
    usage: 'repair <run>',
    summary: 'Repairs a run that is set aside because its history cannot be read or written.',
    description:
      'A run whose history can be read again continues where it was; any other run ends as failed. Events are never changed.',
    examples: ['tutti repair 0192f0 --preview'],
  });
  withReason(command)
    .option('--preview', 'Shows what is wrong and what it would do, and changes nothing.')
    .action(whenCalled(runtime, async () => (await work()).repair));
}
