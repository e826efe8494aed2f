/**
 * The reference of the command line as Markdown, printed from the tree of commands: what the help
 * says and what the manual says cannot differ.
 */
import type { Command } from 'commander';
import { examplesOf } from './program/command.ts';
import { buildProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

const NOWHERE: Terminal = {
  out: () => undefined,
  err: () => undefined,
  live: false,
  color: false,
  columns: () => 100,
  rows: () => 50,
  environment: {},
  workingDirectory: '/',
  userName: '',
  isRoot: false,
  ask: () => Promise.resolve(null),
  now: () => 0,
};

export function cliReference(): string {
  const lifetime = { signal: new AbortController().signal, dispose: () => undefined };
  const program = buildProgram({ terminal: NOWHERE, lifetime, exitCode: 0 });
  const lines = [
    '# Commands',
    '',
    program.description(),
    '',
    'Commands speak to the server that `TUTTI_URL` names, else to the one that serves the data',
    'folder, else they start Tutti in their own process and stop it when they are done.',
    '',
    'Exit codes: 0 done or succeeded · 1 failed or refused · 2 bad input · 3 another Tutti serves',
    'the data folder · 4 the node lost its lease · 130 interrupted.',
    '',
    ...program.commands.flatMap((command) => section(command)),
  ];
  return lines.join('\n').trimEnd();
}

function section(command: Command): string[] {
  const operands = command.registeredArguments.map((operand) => {
    const word = operand.variadic ? `${operand.name()}...` : operand.name();
    return operand.required ? `<${word}>` : `[${word}]`;
  });
  const usage = ['tutti', command.name(), '[options]', ...operands].join(' ');
  const rows = command.options.map(
    (option) => `| \`${option.flags}\` | ${cell(option.description, option.defaultValue)} |`,
  );
  return [
    `## tutti ${command.name()}`,
    '',
    command.description(),
    '',
    '```text',
    usage,
    '```',
    '',
    '```sh parsed',
    ...examplesOf(command),
    '```',
    '',
    '| Option | |',
    '|---|---|',
    ...rows,
    '',
  ];
}

function cell(description: string, byDefault: unknown): string {
  const value = byDefault === undefined ? '' : ` Default: ${JSON.stringify(byDefault)}.`;
  return `${description}${value}`.replaceAll('|', '\\|');
}
