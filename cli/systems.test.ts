import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineConnector } from '../connectors/kit/index.ts';
import { TuttiError } from '../model/errors.ts';
import { readSystems } from '../model/systems.ts';
import { redactor, secretTexts } from './secrets.ts';
import { embeddedDatabases, resolveSystems } from './systems.ts';

const connector = (name: string, config: z.ZodType) =>
  defineConnector({
    name,
    title: name,
    description: name,
    config,
    concurrency: 1,
    actions: [],
    verified: 'nothing',
  });
const connectors = [
  connector('sql', z.strictObject({ url: z.string(), poolSize: z.int().optional() })),
  connector(
    'http',
    z.strictObject({
      baseUrl: z.url(),
      headers: z.record(z.string(), z.string().meta({ secret: true })).optional(),
    }),
  ),
];
const environment = { TOKEN: 'hunter2hunter2', HOST: 'erp.example' };

function resolveText(text: string) {
  return resolveSystems(readSystems(text, 'systems.yaml'), {
    connectors,
    environment,
    embeddedUrl: (name) => `postgresql://tutti@localhost/${name}`,
  });
}
function problemsOf(text: string) {
  try {
    resolveText(text);
  } catch (error) {
    if (error instanceof TuttiError) return error.problems;
    throw error;
  }
  throw new Error('it has no problems');
}

describe('systems', () => {
  it('resolves the environment and checks the configuration', () => {
    const directory = resolveText(
      'erp:\n  kind: http\n  baseUrl: https://${{ env.HOST }}/v1\n  headers: { x-token: "Bearer ${{ env.TOKEN }}" }\n',
    );
    expect(directory.names()).toEqual(['erp']);
    expect(directory.get('erp')).toEqual({
      kind: 'http',
      config: {
        baseUrl: 'https://erp.example/v1',
        headers: { 'x-token': 'Bearer hunter2hunter2' },
      },
    });
    expect(directory.secrets).toEqual(
      expect.arrayContaining(['hunter2hunter2', 'Bearer hunter2hunter2']),
    );
  });

  it('gives a sql system a database of the embedded server', () => {
    const text = 'ledger:\n  kind: sql\n  url: embedded:ledger\n';
    expect(embeddedDatabases(readSystems(text))).toEqual(['ledger']);
    expect(resolveText(text).get('ledger')).toEqual({
      kind: 'sql',
      config: { url: 'postgresql://tutti@localhost/ledger' },
    });
  });

  it('is empty when the file is', () => {
    expect(resolveText('# nothing\n').names()).toEqual([]);
  });

  it.each([
    ['a: { kind: sql, url: "${{ env.NOPE }}" }', 1, 17, 'variable NOPE is not set'],
    ['a:\n  kind: sqll\n', 2, 3, 'no connector "sqll"'],
    ['a:\n  url: x\n', 1, 1, 'has no kind'],
    ['a:\n  kind: [1]\n', 2, 3, 'must be text'],
    ['a: 5\n', 1, 1, 'must be a map'],
    ['- a\n', 1, 1, 'must be a map of names'],
    ['A b:\n  kind: sql\n', 1, 1, 'cannot be the name'],
    ['a:\n  kind: sql\n  url: x\n  colour: red\n', 4, 3, 'colour'],
    ['a:\n  kind: sql\n  url: x\n  poolSize: many\n', 4, 3, 'number'],
    ['a:\n  kind: sql\n  kind: sql\n', 3, 3, 'unique'],
    ['a:\n  kind: sql\n  url: !secret x\n', 3, 8, 'tag'],
    ['a:\n  kind: sql\n  url: "${{ inputs.x }}"\n', 3, 3, 'Only'],
    ['a: { kind: sql', 1, 15, ''],
  ])('%j is a mistake at %i:%i', (text, line, column, words) => {
    const [first] = problemsOf(text);
    expect(first).toMatchObject({ file: 'systems.yaml', line, column });
    expect(first?.message).toContain(words);
  });

  it('gives all mistakes at once and never a value', () => {
    const problems = problemsOf(
      'a:\n  kind: http\n  baseUrl: "no url ${{ env.TOKEN }}"\nb:\n  kind: nope\n',
    );
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('is not led astray by names of objects', () => {
    expect(problemsOf('__proto__:\n  kind: sql\n')[0]?.message).toContain('cannot be the name');
    expect(problemsOf('constructor:\n  kind: toString\n')[0]?.message).toContain('no connector');
  });

  it('refuses a file that multiplies itself', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [name, before] of ['b-a', 'c-b', 'd-c', 'e-d', 'f-e'].map((pair) =>
      pair.split('-'),
    )) {
      lines.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
    }
    lines.push('z: { kind: sql, url: *f }');
    expect(
      problemsOf(lines.join('\n'))
        .map((one) => one.message)
        .join(),
    ).toContain('alias');
  });
});

describe('secrets', () => {
  it('finds marked fields and passwords in URLs', () => {
    const schema = z.object({
      user: z.string(),
      password: z.string().optional().meta({ secret: true }),
      keys: z.array(z.object({ value: z.string().meta({ secret: true }) })).default([]),
      url: z.string(),
      auth: z
        .discriminatedUnion('kind', [
          z.object({ kind: z.literal('basic'), secret: z.string().meta({ secret: true }) }),
          z.object({ kind: z.literal('none') }),
        ])
        .optional(),
    });
    const found = secretTexts(schema, {
      user: 'ada',
      password: 'pass1',
      keys: [{ value: 'key1' }],
      url: 'postgres://u:p%40ss@h/d',
      auth: { kind: 'basic', secret: 'auth1' },
    });
    expect(found.toSorted()).toEqual(['auth1', 'key1', 'p%40ss', 'p@ss', 'pass1']);
  });

  it('blacks out the longest first and leaves tiny ones', () => {
    const redact = redactor(['abcd', 'abcdef', 'no']);
    expect(redact('abcdef abcd no')).toBe('••• ••• no');
  });
});
