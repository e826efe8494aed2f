/**
 * The reference of the command line as Markdown, printed from the tree of commands: what the help
 * says and what the manual says cannot differ.
 */
import type { Command, Option } from 'commander';
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
    'Commands talk to the server in `TUTTI_URL`, or to the one that uses the data folder; otherwise they',
    'run the engine themselves and stop it when they are done.',
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
  const rows = command.options.map((option) => `| \`${option.flags}\` | ${cell(option)} |`);
  return [
    `## tutti ${command.name()}`,
    '',
    command.description(),
    '',
    '```text',
    usage,
    '```',
    '',
    ...command.registeredArguments
      .filter(({ argChoices }) => argChoices !== undefined)
      .flatMap((operand) => [`\`<${operand.name()}>\`:${oneOf(operand.argChoices)}`, '']),
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

function cell({ mandatory, description, argChoices, defaultValue }: Option): string {
  const required = mandatory ? 'Required. ' : '';
  const value = defaultValue === undefined ? '' : ` Default: ${JSON.stringify(defaultValue)}.`;
  return `${required}${description}${oneOf(argChoices)}${value}`.replaceAll('|', '\\|');
}

function oneOf(choices: readonly string[] | undefined): string {
  return choices === undefined ? '' : ` One of: ${choices.map((one) => `\`${one}\``).join(', ')}.`;
}
