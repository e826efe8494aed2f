/**
 * The tree of commands. What each does stands in `commands/`; here is what they share: the name,
 * the help, the suggestion for an unknown word.
 */
import { Command } from 'commander';
import { lookCommands } from './program/look.ts';
import { bulkCommand } from './program/bulk.ts';
import { operateCommands } from './program/operate.ts';
import { openCommand } from './program/open.ts';
import { retentionCommand } from './program/retention.ts';
import { runCommand } from './program/run.ts';
import { serveCommand } from './program/serve.ts';
import { workflowCommands } from './program/workflows.ts';
import type { Runtime } from './runtime.ts';
import { printable } from './view/words.ts';
import { VERSION } from './version.ts';

const EPILOGUE = `
Commands talk to the server in TUTTI_URL, or to the one that uses the data folder; otherwise they
run the engine themselves and stop it when they are done.

Example:
  tutti run flows/hello.yaml -i name=Ada`;

export function buildProgram(runtime: Runtime): Command {
  const { terminal } = runtime;
  const program = new Command('tutti')
    .description('Tutti runs value streams across every system that they cross.')
    .version(VERSION, '-V, --version', 'Prints the version.')
    .helpOption('-h, --help', 'Prints this help.')
    .helpCommand('help [command]', 'Prints the help of a command.')
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .showHelpAfterError('Run the command with --help to see how to use it.')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(printable(text)),
      writeErr: (text) => terminal.err(printable(text)),
      getOutHelpWidth: () => Math.min(100, terminal.columns()),
      getErrHelpWidth: () => Math.min(100, terminal.columns()),
    });
  workflowCommands(program, runtime);
  runCommand(program, runtime);
  serveCommand(program, runtime);
  openCommand(program, runtime);
  lookCommands(program, runtime);
  operateCommands(program, runtime);
  bulkCommand(program, runtime);
  retentionCommand(program, runtime);
  for (const command of program.commands) command.helpOption('-h, --help', 'Prints this help.');
  return program;
}
