/** Logs that are too long, or no text: bounded and marked, while the job and the node go on. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Attacked, underAttack } from './harness.ts';

const LIMIT_BYTES = 200_000;
let attacked: Attacked;

beforeAll(async () => {
  attacked = await underAttack({ logLimitBytes: LIMIT_BYTES });
}, 60_000);
afterAll(() => attacked.close());

interface Chunk {
  readonly stream: string;
  readonly text: string;
}

/** The whole log, page by page. */
async function logOf(run: string): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (let after = '', more = true; more; ) {
    const path = `/runs/${run}/logs${after === '' ? '' : `?after=${encodeURIComponent(after)}`}`;
    const { body } = await attacked.ask('GET', path);
    chunks.push(...body.chunks);
    after = body.next;
    more = body.more;
  }
  return chunks;
}

it.each([
  ['lines', 'seq 1 400000; echo the end', 'the end\n'],
  ['one line', "head -c 5000000 /dev/zero | tr '\\0' x; echo the end", 'the end\n'],
  ['no UTF-8', 'head -c 5000000 /dev/urandom; echo; echo the end', 'the end\n'],
  ['both streams', 'seq 1 200000; seq 1 200000 >&2; echo the end', 'the end\n'],
])('a flood of %s is cut, and its end is there', async (what, script, end) => {
  const name = `flood-of-${what.replaceAll(' ', '-').toLowerCase()}`;
  const input = JSON.stringify({ script });
  await attacked.deploy(`workflow: ${name}\ntasks:\n  t: { action: shell.run, with: ${input} }\n`);
  const run = await attacked.start(name);
  expect(await attacked.ended(run)).toBe('succeeded');
  const chunks = await logOf(run);
  const text = chunks.filter(({ stream }) => stream !== 'note').map((chunk) => chunk.text);
  const bytes = Buffer.byteLength(text.join(''));
  expect(bytes).toBeGreaterThan(LIMIT_BYTES * 0.8);
  expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
  expect(text.join('').includes(end)).toBe(true);
  const notes = chunks.filter(({ stream }) => stream === 'note').map((chunk) => chunk.text);
  expect(notes.join('')).toMatch(/MB of the log were left out here.*limit of an attempt is 200 kB/);
});

it('a flood of NUL is counted, and its end is there', async () => {
  const input = JSON.stringify({ script: 'head -c 5000000 /dev/zero; echo the end' });
  await attacked.deploy(`workflow: nul\ntasks:\n  t: { action: shell.run, with: ${input} }\n`);
  const run = await attacked.start('nul');
  expect(await attacked.ended(run)).toBe('succeeded');
  const text = (await logOf(run)).map((chunk) => chunk.text).join('');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT_BYTES * 1.1);
  expect(text).toContain('the end\n');
  expect(text).toContain('all of them are NUL');
});

it('leaves the node in order', async () => {
  await expect(attacked.survived()).resolves.toBeUndefined();
});
