/**
 * Commands of shell blocks that are read and not executed: each `tutti` must be one that the
 * program understands, each npm script one that is there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { z } from 'zod';
import { buildProgram } from '../../cli/program.ts';
import { ListeningTerminal } from '../../cli/terminal.fake.ts';
import { ROOT } from '../house/source.ts';

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

/** What is wrong with the commands of a text, one line each. */
export function wordProblems(text: string): string[] {
  return commandsOf(text).flatMap((words) => problemsOf(words));
}

/** Words in front of the program: `NAME=value`, and what runs another program. */
const IN_FRONT = /^(?:[A-Za-z_][A-Za-z0-9_]*=.*|npx|exec|sudo|env|ExecStart=.*)$/;

function problemsOf(words: readonly string[]): string[] {
  const start = words.findIndex((word) => !IN_FRONT.test(word));
  const [program = '', ...rest] = start === -1 ? [] : words.slice(start);
  if (/(?:^|\/)tutti$/.test(program)) return tuttiProblems(rest);
  if (program === 'npm' && rest[0] === 'run') {
    const name = rest.find((word, index) => index > 0 && !word.startsWith('-')) ?? '';
    return Object.hasOwn(scripts, name) ? [] : [`package.json has no script "${name}"`];
  }
  return [];
}

/** Parses with the program itself, whose commands do nothing here. */
function tuttiProblems(words: readonly string[]): string[] {
  const terminal = new ListeningTerminal('/');
  const lifetime = { signal: new AbortController().signal, dispose: () => undefined };
  const program = buildProgram({ terminal, lifetime, exitCode: 0 });
  for (const command of withChildren(program)) command.action(() => undefined);
  try {
    program.parse([...words], { from: 'user' });
    return [];
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return [];
    return [`tutti ${words.join(' ')}: ${terminal.complained.trim()}`];
  }
}

function withChildren(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...withChildren(child)]);
}

const WORD =
  /'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|(?<operator>&&|\|\||[|;&])|(?<plain>[^\s'"|;&]+)/g;

/** Simple commands of a script, as far as manuals write them: no here-documents, no functions. */
export function commandsOf(text: string): string[][] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  return lines.flatMap(commandsOfLine);
}

function commandsOfLine(line: string): string[][] {
  const commands: string[][] = [[]];
  let end = 0;
  for (const hit of line.matchAll(WORD)) {
    const { single, double, operator, plain } = hit.groups ?? {};
    const glued = hit.index === end && end > 0;
    if (plain?.startsWith('#') === true && !glued) break;
    end = hit.index + hit[0].length;
    const command = commands.at(-1) ?? [];
    if (operator !== undefined) commands.push([]);
    else if (glued && command.length > 0)
      command.push(`${command.pop()}${single ?? double ?? plain}`);
    else command.push(single ?? double ?? plain ?? '');
  }
  return commands.map(withoutRedirections).filter((words) => words.length > 0);
}

/** `> file`, `2>&1`: a shell takes them away before the program sees its words. */
function withoutRedirections(words: readonly string[]): string[] {
  return words.filter(
    (word, index) => !/^\d?[<>]/.test(word) && !/^\d?[<>]+$/.test(words[index - 1] ?? ''),
  );
}
