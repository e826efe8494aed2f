import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Chance } from '../chaos/chance.ts';
import { mutated, nastyBytes, nastyJson } from './nasty.ts';
import { FUZZ_LIMIT_MS, fuzz } from './session.ts';
import { Victim } from './victim.ts';

const GOOD = `workflow: w
title: "A title"
inputs: { n: { type: integer, default: 3 }, s: { type: string, default: x } }
pools: { p: 2 }
tasks:
  a:
    action: tutti.set
    with: { values: { x: "\${{ inputs.s }}", list: [1, 2.5, null, true] } }
    retry: { attempts: 3, delay: 1s, on: [transient] }
    pool: { p: 1 }
  b: &b
    needs: { a: [failed, skipped] }
    when: "inputs.n > 3"
    wait: { for: 1h }
  s:
    needs: [a]
    switch:
      - { when: inputs.n > 3, then: [c] }
      - else: d
  c: { approve: { by: x, title: "hello \${{ inputs.s }}" } }
  d: { each: "range(inputs.n)", action: tutti.noop }
  e: { wait: 1s, title: 'it''s \\u00e4' }
outputs: { x: "\${{ tasks.a.status }}" }
`;

const PIECES = [
  ...'__proto__ constructor prototype ${{ }} &x *x !t { } [ ] # : ? | > , - NaN .inf 1e999'.split(
    ' ',
  ),
  '\n',
  '\t',
  '\0',
  '\uFEFF',
  '\r',
  '\n---\n',
  '<<: *b\n',
  '\n'.repeat(20_000),
  '[['.repeat(2_000),
  '{a: '.repeat(2_000),
  '"'.repeat(1_001),
  'needs: [b]\n',
  'each: "range(1000000)"\n',
  'when: "[1,2].all(x, [1,2].all(y, x == y))"\n',
];

let victim: Victim;
beforeAll(async () => {
  victim = await Victim.start();
});
afterAll(() => victim.close());

/** A file that somebody could really give: changed here and there, very long, or not text at all. */
function sourceOf(chance: Chance): string {
  const kind = chance.below(12);
  if (kind === 0) return nastyBytes(chance, 20_000).toString('latin1');
  if (kind === 1) return nastyJson(chance);
  if (kind === 2) {
    const count = chance.pick([100, 3_000, 30_000]);
    const tasks = Array.from({ length: count }, (_, i) => `  t${i}: { action: tutti.noop }`);
    return `workflow: many\ntasks:\n${tasks.join('\n')}\n`;
  }
  if (kind === 3) {
    const count = chance.pick([100, 1_000, 10_000]);
    const tasks = Array.from({ length: count }, (_, i) =>
      i === 0
        ? '"t0":{"action":"tutti.noop"}'
        : `"t${i}":{"needs":["t${chance.below(i)}"],"action":"tutti.noop"}`,
    );
    return `{"workflow":"json","tasks":{${tasks.join(',')}}}`;
  }
  if (kind === 4) {
    const count = chance.pick([100, 3_000, 10_000]);
    const task = chance.pick([
      (i: number) => `{ action: tutti.noop, needs: [q${i}] }`,
      (i: number) => `{ action: nope${i}.x, needs: [q${i}] }`,
      (i: number) => `{ action: tutti.noop, when: "tasks.q${i}.status == 'failed'" }`,
      (i: number) => `{ switch: [{ when: "true", then: [q${i}] }, { else: z${i} }] }`,
      (i: number) => `{ action: tutti.noop, pool: p${i} }`,
    ]);
    const tasks = Array.from({ length: count }, (_, i) => `  t${i}: ${task(i)}`);
    return `workflow: unknown\ntasks:\n${tasks.join('\n')}\n`;
  }
  return mutated(chance, GOOD, PIECES);
}

it(
  'reads whatever file it is given',
  async () => {
    const found = await fuzz(victim, 'files given', async (chance) => {
      const source = sourceOf(chance);
      const body = JSON.stringify({ source });
      const [first, second] = await Promise.all([
        victim.ask({ method: 'POST', path: '/validate', body }),
        victim.ask({ method: 'POST', path: '/workflows', body }),
      ]);
      const faults = [first, second]
        .filter(({ status }) => status >= 500)
        .map(({ status, text }) => `${JSON.stringify(source.slice(0, 2_000))}: ${status} ${text}`);
      if (second.status >= 300) return faults;
      const { workflow } = JSON.parse(second.text) as { workflow: string };
      const started = await victim.post('/runs', { workflow, inputs: { n: chance.below(50) } });
      if (started.status >= 500) faults.push(`start of ${workflow}: ${started.text}`);
      return faults;
    });
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);
