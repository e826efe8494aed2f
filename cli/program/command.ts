/**
 * A command as it stands in the help: a usage, a sentence, an example. All of them are declared
 * with this, so they look alike and the reference can be printed from the tree.
 */
import type { Command } from 'commander';
import type { CommandAction, Runtime } from '../runtime.ts';

interface Declaration {
  /** `force <run> <task>` */
  readonly usage: string;
  /** One sentence, for the list of commands. */
  readonly summary: string;
  /** More sentences, for the command's own help. */
  readonly description?: string;
  readonly examples: readonly string[];
}

const examples = new WeakMap<Command, readonly string[]>();
export function examplesOf(command: Command): readonly string[] {
  return examples.get(command) ?? [];
}

/** Every command has `--json` and `--data`, also where one of them changes nothing. */
export function declare(program: Command, declaration: Declaration): Command {
  const { usage, summary, description } = declaration;
  const command = program
    .command(usage)
    .summary(summary)
    .description(description === undefined ? summary : `${summary} ${description}`)
    .option('--json', 'Prints JSON instead of text.')
    .option(
      '--data <dir>',
      'The data folder (default: TUTTI_DATA, else .tutti in the working directory).',
    )
    .addHelpText(
      'after',
      `\nExample:\n${declaration.examples.map((one) => `  ${one}`).join('\n')}`,
    );
  examples.set(command, declaration.examples);
  return command;
}

export const ALLOW_ROOT =
  'Allows Tutti, and all scripts, to run as root (also: TUTTI_ALLOW_ROOT=1).';

/** A command that speaks to a Tutti, and may have to become one. */
export function declareConnected(program: Command, declaration: Declaration): Command {
  return declare(program, declaration)
    .option('--allow-root', ALLOW_ROOT)
    .option('--actor <name>', 'Name recorded as the operator (default: your login name).')
    .option(
      '--database <url>',
      'PostgreSQL to use when no server is running (default: an embedded one).',
    )
    .option('--systems <file>', 'The systems file to use when no server is running.')
    .option('--secrets <dir>', 'The folder of secrets to use when no server is running.');
}

/**
 * What the command does is loaded when it is called: who asks for the help or the version waits
 * for nothing else.
 */
export function whenCalled(runtime: Runtime, load: () => Promise<CommandAction>) {
  return async function action(this: Command): Promise<void> {
    const act = await load();
    await act(runtime, this);
  };
}

export function withReason(command: Command): Command {
  return command.option('--reason <text>', 'Why; kept in the history of the run.');
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
