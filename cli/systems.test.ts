import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineConnector } from '../connectors/kit/index.ts';
import { TuttiError } from '../model/errors.ts';
import { readSystems } from '../language/systems.ts';
import { http } from '../connectors/http/connector.ts';
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
      headers: z.record(z.string(), z.string()).optional().meta({ secret: 'headers' }),
    }),
  ),
  { ...http, name: 'service' },
];
const environment = { TOKEN: 'hunter2hunter2', HOST: 'erp.example' };

function resolveText(text: string) {
  return resolveSystems(readSystems(text, 'systems.yaml'), {
    connectors,
    environment,
    secrets: (name) =>
      name === 'shop' ? { value: 'planted-secret' } : { message: `no ${name}`, hint: 'Make it.' },
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
    const { directory, redactor } = resolveText(
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
    expect(redactor([])?.text('it is hunter2hunter2')).toBe('it is •••');
  });

  it('gives a sql system a database of the embedded server', () => {
    const text = 'ledger:\n  kind: sql\n  url: embedded:ledger\n';
    expect(embeddedDatabases(readSystems(text))).toEqual(['ledger']);
    expect(resolveText(text).directory.get('ledger')).toEqual({
      kind: 'sql',
      config: { url: 'postgresql://tutti@localhost/ledger' },
    });
  });

  it('keeps the others when the database of one cannot be prepared', () => {
    const text = 'a: { kind: sql, url: embedded:a }\nb: { kind: sql, url: embedded:b }\n';
    const { directory, unreachable } = resolveSystems(readSystems(text), {
      connectors,
      environment,
      secrets: () => ({ message: 'none', hint: '' }),
      embeddedUrl: (name) =>
        name === 'a' ? { broken: 'it is poisoned' } : `postgresql:///${name}`,
    });
    expect(unreachable).toEqual([
      expect.stringContaining(
        'The system "a" cannot be used: its database a could not be prepared',
      ),
    ]);
    expect(directory.get('a')?.unreachable).toBe(unreachable[0]);
    expect(directory.get('b')).toEqual({ kind: 'sql', config: { url: 'postgresql:///b' } });
  });

  it('is empty when the file is', () => {
    expect(resolveText('# nothing\n').directory.names()).toEqual([]);
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
    ['a:\n  kind: sql\n  url: "${{ secrets.nope }}"\n', 3, 3, 'no nope'],
    ['a:\n  kind: sql\n  url: "${{ env.HOST }} ${{ inputs.x }}"\n', 3, 3, 'Only'],
    ['a:\n  kind: sql\n  url: embedded:tutti\n', 3, 3, 'cannot be a system'],
    ['a:\n  kind: sql\n  url: embedded:pg_x\n', 3, 3, 'cannot be a system'],
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

/** What is left of a log line that holds the text. */
function printed(systems: string, text: string): string {
  const redactor = resolveText(systems).redactor([]);
  return redactor?.text(text) ?? text;
}
const service = (lines: string) => `s:\n  kind: service\n  base-url: http://h.example/x\n${lines}`;

describe('what is a secret', () => {
  it.each([
    ['a declared one', 'url: "http://h/${{ secrets.shop }}"', 'planted-secret'],
    ['a declared one in a header', 'headers: { x: "a ${{ secrets.shop }}" }', 'planted-secret'],
    ['a literal header', 'headers: { X-Shop: planted-header }', 'planted-header'],
    ['a short header that says so', 'headers: { X-Api-Key: ab12 }', 'ab12'],
    ['a word in a header that says so', 'headers: { x-token: swordfish }', 'swordfish'],
    ['a variable in a header', 'headers: { x-shop: "Bearer ${{ env.TOKEN }}" }', 'hunter2hunter2'],
    ['a variable in a secret field', 'token: "pre-${{ env.TOKEN }}"', 'hunter2hunter2'],
    ['credentials behind their scheme', 'headers: { authorization: Bearer ab/cd12 }', 'ab/cd12'],
    ['a basic pair', 'headers: { authorization: Basic dTpwbGFudGVk }', 'planted'],
    ['a cookie', 'headers: { cookie: "a=1; sid=abcd1234" }', 'abcd1234'],
    ['a password and its user', 'username: ada\n  password: pw1', 'YWRhOnB3MQ=='],
  ])('%s', (_name, line, secret) => {
    const systems = line.startsWith('url')
      ? `s:\n  kind: sql\n  ${line}\n`
      : service(`  ${line}\n`);
    expect(printed(systems, `<${secret}>`)).not.toContain(secret.slice(0, -2));
  });

  it.each([
    ['a variable in an address', 'base-url: http://h/${{ env.HOST }}', 'erp.example'],
    ['a team', 'headers: { x-team: logistics }', 'logistics'],
    ['a short word', 'headers: { x-team: "test" }', 'the latest test'],
    ['what HTTP says itself', 'headers: { accept: application/json }', 'application/json'],
    ['a user', 'username: bookkeeping\n  password: pw1', 'bookkeeping'],
  ])('not %s', (_name, line, text) => {
    const systems = line.startsWith('base')
      ? `s:\n  kind: service\n  ${line}\n`
      : service(`  ${line}\n`);
    expect(printed(systems, text)).toBe(text);
  });

  it('of an address only the password', () => {
    const systems = 's:\n  kind: sql\n  url: "postgres://u:p%40ssword@${{ env.HOST }}/d"\n';
    expect(printed(systems, 'p%40ssword p@ssword erp.example')).toBe('••• ••• erp.example');
  });

  it('nothing costs nothing', () => {
    expect(resolveText('s:\n  kind: sql\n  url: x\n').redactor([])).toBeUndefined();
  });
});
