import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLog } from './log.ts';
import { parsePs, parseStat } from './processes.ts';

test('text cut at any byte is read whole, in characters', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tutti-log-'));
  const text = 'aä€🥊z';
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    await writeFile(path.join(folder, 'out'), bytes.subarray(0, cut));
    const first = await readLog(folder, null, false);
    await writeFile(path.join(folder, 'out'), bytes);
    const rest = await readLog(folder, first.cursor, true);
    const whole = [...first.chunks, ...rest.chunks].map((chunk) => chunk.text).join('');
    expect(whole).toBe(text);
    expect(rest.more).toBe(false);
  }
  await rm(folder, { recursive: true });
});

test('what never becomes a character is given when the job is over', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tutti-log-'));
  await writeFile(path.join(folder, 'err'), Buffer.from([0x61, 0x00, 0xe2, 0x82]));
  const running = await readLog(folder, null, false);
  expect(running.chunks).toEqual([{ stream: 'err', text: 'a\uFFFD' }]);
  const over = await readLog(folder, running.cursor, true);
  expect(over.chunks).toEqual([{ stream: 'err', text: '\uFFFD' }]);
  await rm(folder, { recursive: true });
});

test('the holes of a file are counted, not read as text', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tutti-log-'));
  const out = path.join(folder, 'out');
  await writeFile(out, 'begin');
  await truncate(out, 2 ** 40);
  await appendFile(out, 'end');
  let read = await readLog(folder, null, true);
  const chunks = [...read.chunks];
  // The first portion with the beginning, the rest of the head, the tail.
  for (let reads = 1; read.more && reads < 4; reads += 1) {
    read = await readLog(folder, read.cursor, true);
    chunks.push(...read.chunks);
  }
  expect(read.more).toBe(false);
  const text = chunks.filter(({ stream }) => stream === 'out').map((chunk) => chunk.text);
  expect(text.join('')).toMatch(/^begin\uFFFD+end$/);
  expect(text.join('').length).toBeLessThan(1024 * 1024);
  const notes = chunks.filter(({ stream }) => stream === 'note').map((chunk) => chunk.text);
  expect(notes.filter((note) => note.includes('all of them are NUL'))).toHaveLength(2);
  await rm(folder, { recursive: true });
});

test('any text cut anywhere is read whole, and fewer than four bytes of it wait', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tutti-log-'));
  const out = path.join(folder, 'out');
  const textIn = ({ chunks }: { chunks: readonly { text: string }[] }): string =>
    chunks.map((chunk) => chunk.text).join('');
  // NUL is what a hole of the file is read as.
  const texts = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 12 })
    .map((text) => text.replaceAll('\0', '0'));
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(), async (text, at) => {
      const bytes = Buffer.from(text);
      const cut = bytes.subarray(0, at % (bytes.length + 1));
      await writeFile(out, cut);
      const first = await readLog(folder, null, false);
      await writeFile(out, bytes);
      const rest = await readLog(folder, first.cursor, true);
      expect(textIn(first) + textIn(rest)).toBe(text);
      expect(Buffer.byteLength(textIn(first))).toBeGreaterThan(cut.length - 4);
    }),
  );
  await rm(folder, { recursive: true });
});

test('the kernel is understood, whatever a process calls itself', () => {
  const tail = `S 1 7 9 ${'0 '.repeat(15)}4711 0`;
  expect(parseStat(`12 (a) S (b)) ${tail}`)).toEqual({
    pid: 12,
    session: 9,
    dead: false,
    start: '4711',
  });
  expect(parseStat(`12 (sh) Z 1 7 9 ${'0 '.repeat(15)}4711 0`)?.dead).toBe(true);
  expect(parseStat('')).toBeUndefined();
  expect(parsePs('  12   7 Ss   Sat Nov 22 03:00:00 2025')).toEqual({
    pid: 12,
    session: 7,
    dead: false,
    start: 'Sat Nov 22 03:00:00 2025',
  });
});
