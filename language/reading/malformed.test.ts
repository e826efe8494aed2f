/**
 * Malformed files, each with the one mistake that is to be found: its place, a part of its
 * sentence and of its hint. The files stand in `malformed/*.txt`:
 *
 *   ### what is wrong
 *   ...the file...
 *   === line:column part of the sentence
 *   === hint part of the hint
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ActionCatalogue, ActionDescription } from '../../model/action.ts';
import { readWorkflow } from '../read.ts';

function action(
  name: string,
  system: ActionDescription['system'],
  input: z.ZodType,
  output: z.ZodType,
): [string, ActionDescription] {
  return [name, { name, title: name, description: '', system, input, output, examples: [] }];
}

const actions: ActionCatalogue = new Map([
  action('tutti.noop', 'none', z.strictObject({}), z.strictObject({})),
  action(
    'tutti.set',
    'none',
    z.strictObject({ values: z.record(z.string(), z.json()) }),
    z.record(z.string(), z.json()),
  ),
  action(
    'shell.run',
    'optional',
    z.object({
      script: z.string(),
      nice: z.number().optional(),
      environment: z.record(z.string(), z.string()).optional(),
    }),
    z.strictObject({ exitCode: z.int() }),
  ),
  action(
    'sql.query',
    'required',
    z.strictObject({ statement: z.string() }),
    z.strictObject({ rows: z.int() }),
  ),
]);

interface Case {
  readonly what: string;
  readonly file: string;
  readonly place: string;
  readonly message: string;
  readonly hint: string | undefined;
}

function casesOf(group: string): readonly Case[] {
  const text = readFileSync(new URL(`malformed/${group}.txt`, import.meta.url), 'utf8');
  return text
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [head = '', ...rest] = block.split('\n');
      const start = rest.findIndex((line) => line.startsWith('=== '));
      const [expected = '', hint] = rest.slice(start).map((line) => line.slice(4));
      const space = expected.indexOf(' ');
      return {
        what: head,
        file: `${rest.slice(0, start).join('\n')}\n`,
        place: expected.slice(0, space),
        message: expected.slice(space + 1),
        hint: hint?.startsWith('hint ') === true ? hint.slice(5) : undefined,
      };
    });
}

describe.each(['yaml', 'shape', 'tasks', 'expressions'])('%s', (group) => {
  it.each(casesOf(group).map((one): [string, Case] => [one.what, one]))('%s', (_, one) => {
    const { definition, problems } = readWorkflow(one.file, { actions });
    expect(definition).toBeNull();
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual([one.place]);
    expect(problems[0]?.message).toContain(one.message);
    expect(problems[0]?.hint ?? '').toContain(one.hint ?? '');
  });
});

it('holds at least sixty files', () => {
  const groups = ['yaml', 'shape', 'tasks', 'expressions'];
  expect(groups.flatMap(casesOf).length).toBeGreaterThan(60);
});
