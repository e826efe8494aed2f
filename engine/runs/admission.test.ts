/** Who begins, and when: in order, while the book is quiet, and never nobody. */
import { expect, it } from 'vitest';
import { Admission } from './admission.ts';

/** A book with so many unwritten events, and the starts that were let in. */
function desk(unwritten: number) {
  const book = { unwritten };
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const admission = new Admission(() => book.unwritten);
  const start = (id: number) =>
    admission.through(() => {
      begun.push(id);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  return { book, begun, ends, admission, start };
}

/** Everything that follows without waiting for the world has followed. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('lets a start in at once while the book is quiet', () => {
  const { begun, start } = desk(0);
  void start(1);
  expect(begun).toEqual([1]);
});

/** More than begin at once, however quiet the book is. */
const MANY = 10_000;

it('counts starts that are not durable yet', async () => {
  const { begun, ends, start } = desk(0);
  const starts = Array.from({ length: MANY }, (_, id) => start(id));
  await settled();
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.length).toBeLessThan(MANY);
  while (begun.length < MANY) {
    ends.splice(0).forEach((end) => end());
    await settled();
  }
  ends.splice(0).forEach((end) => end());
  await Promise.all(starts);
  expect(begun).toEqual(starts.map((_, id) => id));
});

it('lets a few in with each batch, however much waits to be written', async () => {
  const { begun, admission, start } = desk(1_000_000);
  for (let id = 0; id < 100; id++) void start(id);
  await settled();
  expect(begun).toEqual([]);
  admission.batchWritten();
  await settled();
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.length).toBeLessThan(100);
});

it('keeps nobody waiting when it closes', async () => {
  const { begun, admission, start } = desk(1_000_000);
  for (let id = 0; id < 100; id++) void start(id);
  admission.close();
  await settled();
  expect(begun).toHaveLength(100);
});

it('gives the place of a start that failed to the next', async () => {
  const { book, begun, admission, start } = desk(1_000_000);
  const refused = admission.through(() => Promise.reject(new Error('no such workflow')));
  void start(1);
  book.unwritten = 0;
  admission.batchWritten();
  await expect(refused).rejects.toThrow('no such workflow');
  expect(begun).toEqual([1]);
});
