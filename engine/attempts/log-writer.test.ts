import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../journal/journal.ts';
import type { StoredLogChunk } from '../../journal/logs.ts';
import type { Json } from '../../model/json.ts';
import { Redactor } from '../../model/redactor.ts';
import type { Clock } from '../clock.ts';
import type { Attempt } from '../runs/live-run.ts';
import { LogWriter } from './log-writer.ts';

const attempt = { run: { id: 'r' }, task: 't', number: 1 } as Attempt;
const clock: Pick<Clock, 'now' | 'at'> = {
  now: () => 0,
  at: (_time, callback) => {
    queueMicrotask(callback);
    return () => undefined;
  },
};

/** A journal whose every append waits until the test lets it land. */
function slowJournal(): { journal: Journal; appends: StoredLogChunk[][]; land: () => void } {
  const appends: StoredLogChunk[][] = [];
  const waiting: (() => void)[] = [];
  const appendLogs = (rows: readonly StoredLogChunk[]): Promise<void> => {
    appends.push([...rows]);
    return new Promise((resolve) => waiting.push(resolve));
  };
  const journal = { appendLogs } as unknown as Journal;
  return { journal, appends, land: () => waiting.shift()?.() };
}

/** A journal that keeps rows at once, from processes that can be killed. */
class Kept {
  readonly rows: StoredLogChunk[] = [];
  #process = { isKilled: false };
  journal = this.#journalOf(this.#process);

  #journalOf(process: { readonly isKilled: boolean }): Journal {
    return {
      appendLogs: async (rows: readonly StoredLogChunk[]) => {
        if (process.isKilled) return new Promise<void>(() => undefined);
        this.rows.push(...rows);
        return undefined;
      },
      logEnd: async () => ({
        position: this.rows.length,
        cursor: this.rows.findLast(({ cursor }) => cursor !== null)?.cursor ?? null,
        bytes: this.rows.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
      }),
    } as unknown as Journal;
  }

  /** From now on nothing of it gets here. */
  kill(): void {
    this.#process.isKilled = true;
  }

  restart(): void {
    this.kill();
    this.#process = { isKilled: false };
    this.journal = this.#journalOf(this.#process);
  }

  text(stream?: StoredLogChunk['stream']): string {
    const rows = this.rows.filter((row) => stream === undefined || row.stream === stream);
    return rows.map(({ text }) => text).join('');
  }
}

interface Job {
  readonly out: string;
  readonly err: string;
}
interface Cursor {
  readonly out: number;
  readonly err: number;
}

/** A read of what a job has written, as a connector gives it; the texts may be cut anywhere. */
function readOf(job: Job, from: Json, most: { readonly out: number; readonly err: number }) {
  const start = (from ?? { out: 0, err: 0 }) as unknown as Cursor;
  const cursor = {
    out: Math.min(job.out.length, start.out + most.out),
    err: Math.min(job.err.length, start.err + most.err),
  };
  const lines = (['out', 'err'] as const)
    .map((stream) => ({ stream, text: job[stream].slice(start[stream], cursor[stream]) }))
    .filter(({ text }) => text !== '');
  return { from, lines, cursor };
}

const whole = { out: 1_000_000, err: 1_000_000 };

describe('batches', () => {
  it('keep a read of several chunks in one append, with its cursor', async () => {
    const { journal, appends, land } = slowJournal();
    const writer = new LogWriter({ journal, clock });
    const cursor = { out: 1, err: 1 };
    writer.read(attempt, readOf({ out: 'o', err: 'e' }, null, whole));
    expect(appends).toEqual([
      [
        expect.objectContaining({ position: 0, text: 'o', cursor: null }),
        expect.objectContaining({ position: 1, text: 'e', cursor }),
      ],
    ]);
    land();
    await writer.finish(attempt);
  });

  it('are not closed inside a read', async () => {
    const { journal, appends, land } = slowJournal();
    const writer = new LogWriter({ journal, clock });
    writer.write(attempt, { stream: 'note', text: 'first' });
    const line = { stream: 'out', text: 'o' } as const;
    for (let n = 0; n < 300; n += 1) {
      writer.read(attempt, { from: n, lines: [line, line, line], cursor: n + 1 });
    }
    const written = writer.finish(attempt);
    while (appends.flat().length < 901) {
      const before = appends.length;
      land();
      while (appends.length === before) await Promise.resolve();
    }
    land();
    await written;
    expect(appends.length).toBeGreaterThan(2);
    for (const rows of appends.slice(1)) expect(rows.at(-1)?.cursor).not.toBeNull();
  });

  it('are bounded by their length, too', async () => {
    const { journal, appends, land } = slowJournal();
    const writer = new LogWriter({ journal, clock });
    writer.write(attempt, { stream: 'out', text: 'x' });
    for (let n = 0; n < 64; n += 1) {
      writer.write(attempt, { stream: 'out', text: 'x'.repeat(64 * 1024) });
    }
    land();
    while (appends.length < 2) await Promise.resolve();
    expect(appends[1]?.length).toBeLessThanOrEqual(16);
  });
});

describe('secrets', () => {
  const secret = 'planted-secret-4711';
  const redactor = new Redactor([secret]);

  it('are blacked out over the border of two writes, of each stream by itself', async () => {
    const kept = new Kept();
    const writer = new LogWriter({ journal: kept.journal, clock, redactor });
    writer.write(attempt, { stream: 'out', text: 'a planted-sec' });
    writer.write(attempt, { stream: 'err', text: 'planted-' }, { stream: 'err', text: 'tree\n' });
    writer.write(attempt, { stream: 'out', text: 'ret-4711 b\n' });
    await writer.finish(attempt);
    expect(kept.text('out')).toBe('a ••• b\n');
    expect(kept.text('err')).toBe('planted-tree\n');
  });

  it('are blacked out over the border of a row', async () => {
    const kept = new Kept();
    const writer = new LogWriter({ journal: kept.journal, clock, redactor });
    writer.write(attempt, { stream: 'out', text: `${'x'.repeat(65_530)}${secret}\n` });
    await writer.finish(attempt);
    expect(kept.text()).toBe(`${'x'.repeat(65_530)}•••\n`);
  });

  const words = fc.array(fc.constantFrom('aa', 'a', 'ab', 'b', 'aab', 'x', '\n', 'baa'), {
    maxLength: 12,
  });
  const step = fc.record({
    out: fc.nat({ max: 6 }),
    err: fc.nat({ max: 6 }),
    crash: fc.boolean(),
    lose: fc.boolean(),
  });

  it('are whole and once after any number of crashes, wherever they come', async () => {
    const hidden = new Redactor(['aab', 'baab', 'abab']);
    await fc.assert(
      fc.asyncProperty(words, words, fc.array(step, { maxLength: 12 }), async (out, err, steps) => {
        const job = { out: out.join(''), err: err.join('') };
        const kept = new Kept();
        let writer = new LogWriter({ journal: kept.journal, clock, redactor: hidden });
        let cursor: Json = null;
        const read = (most: { out: number; err: number }): void => {
          const next = readOf(job, cursor, most);
          writer.read(attempt, next);
          cursor = next.cursor;
        };
        for (const { crash, lose, ...most } of steps) {
          if (crash && lose) kept.kill();
          read(most);
          if (!crash) continue;
          // What is under way is there or not; what comes later is lost with the process.
          await Promise.resolve();
          kept.restart();
          writer = new LogWriter({ journal: kept.journal, clock, redactor: hidden });
          cursor = await writer.resume(attempt);
        }
        read(whole);
        await writer.finish(attempt);
        const marks = (text: string) => text.replaceAll(/(?:•••)+/g, '•••');
        expect(marks(kept.text('out'))).toBe(marks(hidden.text(job.out)));
        expect(marks(kept.text('err'))).toBe(marks(hidden.text(job.err)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a log that is too long', () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, n) => `line ${String(n).padStart(6, '0')}\n`).join('');

  /** Reads the job from its start or where it stopped; `reads`: so many, and then it is killed. */
  async function follow(kept: Kept, job: Job, limitBytes: number, reads: number): Promise<void> {
    const writer = new LogWriter({ journal: kept.journal, clock, limitBytes });
    let cursor = await writer.resume(attempt);
    for (let n = 0; n < reads; n += 1) {
      const next = readOf(job, cursor, { out: 1_000, err: 1_000 });
      writer.read(attempt, next);
      cursor = next.cursor;
      await writer.capacity();
    }
    if (reads === Infinity || reads > 200) await writer.finish(attempt);
  }

  function parts(kept: Kept) {
    const at = kept.rows.findLastIndex(({ stream }) => stream === 'note');
    const text = (rows: readonly StoredLogChunk[]) =>
      rows
        .filter(({ stream }) => stream === 'out')
        .map((row) => row.text)
        .join('');
    return {
      head: text(kept.rows.slice(0, at)),
      notes: kept.rows.filter(({ stream }) => stream === 'note').map((row) => row.text),
      tail: text(kept.rows.slice(at)),
    };
  }

  it.each([[[300]], [[5, 300]], [[40, 40, 300]], [[1, 1, 1, 60, 300]]])(
    'keeps head and end, and says how much it left out; killed after %j reads',
    async (lives) => {
      const kept = new Kept();
      const job = { out: lines(10_000), err: '' };
      for (const reads of lives) await follow(kept, job, 20_000, reads);
      const { head, notes, tail } = parts(kept);
      expect(job.out.startsWith(head)).toBe(true);
      expect(head.length).toBeGreaterThan(17_900);
      expect(head.length).toBeLessThanOrEqual(18_000);
      expect(job.out.endsWith(tail)).toBe(true);
      expect(tail.startsWith('line ')).toBe(true);
      expect(tail.length).toBeGreaterThan(1_900);
      expect(tail.length).toBeLessThanOrEqual(2_000);
      expect(notes).toHaveLength(2);
      const left = (job.out.length - head.length - tail.length) / 1000;
      expect(notes[1]).toBe(
        `… ${Number(left.toPrecision(3))} kB of the log were left out here; the limit of an attempt is 20 kB (tutti serve --log-limit)\n`,
      );
    },
  );

  it('is whole while it is within its limit', async () => {
    const kept = new Kept();
    const job = { out: lines(1_500), err: '' };
    await follow(kept, job, 20_000, 300);
    expect(kept.text()).toBe(job.out);
  });

  it('keeps whole characters, and no memory of single letters', async () => {
    const kept = new Kept();
    const writer = new LogWriter({ journal: kept.journal, clock, limitBytes: 1_000 });
    for (let n = 0; n < 2_000; n += 1) writer.write(attempt, { stream: 'out', text: '😀' });
    await writer.finish(attempt);
    expect(kept.text('out')).toMatch(/^(?:😀)+$/);
    expect(Buffer.byteLength(kept.text('out'))).toBeLessThanOrEqual(1_000);
    expect(kept.rows.length).toBeLessThan(300);
  });
});
