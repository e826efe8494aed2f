/** What is written with what, in which order it is heard of, and who pays when a batch is not written. */
import { describe, expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import type { AppendResult, Batch } from '../../journal/append.ts';
import type { Journal } from '../../journal/journal.ts';
import type { RunState } from '../../kernel/run/machine.ts';
import { TuttiError } from '../../model/errors.ts';
import { NodeIdentity } from '../node-identity.ts';
import type { Fact, Observer } from '../observer.ts';
import { type Entry, type LiveRun, newLiveRun } from './live-run.ts';
import { Pipeline } from './pipeline.ts';

interface Append {
  readonly batch: Batch;
  answer(result: AppendResult): Promise<void>;
  reject(error: unknown): Promise<void>;
}

const COMMITTED: AppendResult = { kind: 'committed' };
const tooLong = new TuttiError('internal', 'too long');
const refusal = (...runs: string[]): AppendResult => ({ kind: 'refused', runs, error: tooLong });

/** A journal whose every append waits for the test, and one line for everything that is heard. */
function subject(connections = 1) {
  const clock = new SimulatedClock(0);
  const appends: Append[] = [];
  const heard: string[] = [];
  const facts: Fact[] = [];
  const commitFails = new Set<string>();
  const append = (_lease: unknown, batch: Batch) =>
    new Promise<AppendResult>((resolve, reject) => {
      appends.push({
        batch,
        answer: (result) => (resolve(result), quiet()),
        reject: (error) => (reject(error), quiet()),
      });
    });
  const journal = {
    append,
    appendConcurrency: connections,
    notify: (about: string) => void heard.push(`notify ${about}`),
  } as unknown as Journal;
  const observer: Pick<Observer, 'sent' | 'noted'> = {
    sent: (events, runs) => () => void heard.push(`counted ${events} of ${runs}`),
    noted: (fact) => void facts.push(fact),
  };
  const pipeline = new Pipeline(
    journal,
    new NodeIdentity({ node: 1, epoch: 1 }),
    clock,
    {
      committed: (run, entries) => {
        const seqs = entries.map(({ seq }) => seq).join(' ');
        heard.push(`committed ${run.id}: ${seqs} of ${run.durable}`);
        if (commitFails.has(run.id)) throw new Error('a mistake');
        for (const entry of entries) entry.onDurable?.();
      },
      refused: (runs, { code }, lost) => {
        const ids = runs.map(({ id }) => id).join(' ');
        heard.push(`refused ${ids}: ${code}${lost === undefined ? '' : `, lost ${lost.length}`}`);
      },
    },
    observer as Observer,
  );
  const add = (run: LiveRun, events = 1, characters = 10): void => {
    const told = (seq: number, error?: Error) =>
      void heard.push(`told ${run.id} ${seq}: ${codeOf(error)}`);
    pipeline.add(run, entryOf(run, events, characters, told));
  };
  /** What is on its way, oldest first: the runs of each append and how many events it has. */
  const sent = () =>
    appends.map(({ batch }) => `${runsOf(batch).join(' ')}: ${batch.events.length}`);
  const next = (): Append => {
    const oldest = appends.shift();
    if (oldest === undefined) throw new Error('nothing is on its way');
    return oldest;
  };
  return { clock, pipeline, appends, heard, facts, commitFails, add, sent, next };
}

const ENTRY = { start: undefined, update: undefined, touched: [], facts: undefined } as const;

/** One more entry of a run: so many events, of so many characters together. */
function entryOf(
  { id, state }: LiveRun,
  events: number,
  characters: number,
  told: (seq: number, error?: Error) => void,
): Entry {
  const first = state.seq;
  state.seq += events;
  const { seq } = state;
  const data = 'x'.repeat(Math.ceil(characters / events));
  const rows = Array.from({ length: events }, (_, at) => ({ run: id, seq: first + at, data }));
  return {
    ...ENTRY,
    events: rows as unknown as Entry['events'],
    characters,
    seq,
    onDurable: (error) => told(seq, error),
  };
}

function runOf(id: string): LiveRun {
  return newLiveRun({ id, version: 1, seq: 0 } as RunState, '', 0);
}

function runsOf({ events }: Batch): readonly string[] {
  return [...new Set(events.map(({ run }) => run))];
}

function codeOf(error: Error | undefined): string {
  return error instanceof TuttiError ? error.code : (error?.message ?? 'durable');
}

function runsNamed(count: number): readonly LiveRun[] {
  return Array.from({ length: count }, (_, at) => runOf(`r${at}`));
}

describe('a batch', () => {
  it('goes at once, without a timer, with all that was added in one turn', async () => {
    const { clock, add, sent } = subject();
    const [a, b] = [runOf('a'), runOf('b')];
    add(a);
    add(b);
    add(a, 2);
    expect(sent()).toEqual([]);
    await quiet(1);
    expect(sent()).toEqual(['a b: 4']);
    expect(clock.waiting).toBe(0);
  });

  it('gathers while every connection is busy', async () => {
    const { add, sent, next } = subject();
    const [a, b, c] = [runOf('a'), runOf('b'), runOf('c')];
    add(a);
    await quiet();
    add(b);
    await quiet();
    add(c);
    add(a);
    await quiet();
    expect(sent()).toEqual(['a: 1']);
    await next().answer(COMMITTED);
    expect(sent()).toEqual(['b c a: 3']);
  });

  it('has the events of a run in the order of its entries, its start and its last update', async () => {
    const { pipeline, next } = subject();
    const run = runOf('a');
    const entry = (seq: number, more: object): Entry =>
      ({
        ...ENTRY,
        events: [{ run: 'a', seq }],
        characters: 1,
        seq: seq + 1,
        ...more,
      }) as unknown as Entry;
    pipeline.add(run, entry(0, { start: { id: 'a' } }));
    pipeline.add(run, entry(1, { update: { run: 'a', ended: 1 } }));
    pipeline.add(run, entry(2, { update: { run: 'a', ended: 2 } }));
    pipeline.add(run, entry(3, {}));
    await quiet();
    const { starts, events, updates } = next().batch;
    expect(starts).toEqual([{ id: 'a' }]);
    expect(events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3]);
    expect(updates).toEqual([{ run: 'a', ended: 2 }]);
  });

  it('never has a run that is in another one, so its events stay in order', async () => {
    const { add, sent, next, heard } = subject(2);
    const [a, b] = [runOf('a'), runOf('b')];
    add(a);
    await quiet();
    add(a);
    add(b);
    await quiet();
    expect(sent()).toEqual(['a: 1', 'b: 1']);
    const [first] = [next()];
    await next().answer(COMMITTED);
    expect(sent()).toEqual([]);
    await first.answer(COMMITTED);
    expect(sent()).toEqual(['a: 1']);
    await next().answer(COMMITTED);
    expect(heard.filter((line) => line.startsWith('committed a'))).toEqual([
      'committed a: 1 of 1',
      'committed a: 2 of 2',
    ]);
  });

  it('is shared between the free connections, unless that is not worth two trips', async () => {
    const { add, appends, next } = subject(2);
    for (const run of runsNamed(50)) add(run);
    await quiet();
    expect(appends.map(({ batch }) => runsOf(batch).length)).toEqual([50]);
    await next().answer(COMMITTED);
    for (const run of runsNamed(120)) add(run);
    await quiet();
    expect(appends.map(({ batch }) => runsOf(batch).length)).toEqual([60, 60]);
  });

  it('is bounded in events and in characters, also where one run fills it', async () => {
    const events = subject();
    const run = runOf('a');
    for (let entries = 0; entries < 5; entries += 1) events.add(run, 700);
    await quiet();
    expect(events.sent()).toEqual(['a: 2100']);
    await events.next().answer(COMMITTED);
    expect(events.sent()).toEqual(['a: 1400']);
    const characters = subject();
    for (const each of ['a', 'b', 'c', 'd'].map(runOf)) characters.add(each, 1, 2_400_000);
    await quiet();
    expect(characters.sent()).toEqual(['a b c: 3']);
    await characters.next().answer(COMMITTED);
    expect(characters.heard[0]).toBe('counted 3 of 3');
    expect(characters.sent()).toEqual(['d: 1']);
  });

  it('is one entry where that alone is larger than a batch', async () => {
    const { add, sent, next } = subject();
    for (const run of ['a', 'b'].map(runOf)) add(run, 1, 6_000_000);
    await quiet();
    expect(sent()).toEqual(['a: 1']);
    await next().answer(COMMITTED);
    expect(sent()).toEqual(['b: 1']);
  });
});

describe('what was committed', () => {
  it('is heard of in the order of the runs, and by nothing before', async () => {
    const { add, heard, next } = subject();
    const [a, b] = [runOf('a'), runOf('b')];
    add(b);
    add(a);
    add(b);
    await quiet();
    expect(heard).toEqual([]);
    await next().answer(COMMITTED);
    expect(heard).toEqual([
      'counted 3 of 2',
      'notify feed',
      'committed b: 1 2 of 2',
      'told b 1: durable',
      'told b 2: durable',
      'committed a: 1 of 1',
      'told a 1: durable',
    ]);
  });

  it('is durable for the whole batch when the first of it is heard of', async () => {
    const clock = new SimulatedClock(0);
    const [a, b] = [runOf('a'), runOf('b')];
    const seen: unknown[] = [];
    const journal = {
      append: async () => COMMITTED,
      appendConcurrency: 1,
      notify: () => undefined,
    };
    const pipeline = new Pipeline(
      journal as unknown as Journal,
      new NodeIdentity({ node: 1, epoch: 1 }),
      clock,
      {
        committed: () => seen.push([a.durable, b.durable, a.committing, b.committing]),
        refused: () => undefined,
      },
    );
    for (const run of [a, b])
      pipeline.add(run, { ...ENTRY, events: [], characters: 0, seq: 7, onDurable: undefined });
    await quiet();
    expect(seen).toEqual([
      [7, 7, null, null],
      [7, 7, null, null],
    ]);
  });

  it('hurts only the run that a mistake comes to light with', async () => {
    const { add, heard, next, commitFails } = subject();
    commitFails.add('a');
    for (const run of ['a', 'b'].map(runOf)) add(run);
    await quiet();
    await next().answer(COMMITTED);
    expect(heard.slice(2)).toEqual([
      'committed a: 1 of 1',
      'refused a: internal, lost 1',
      'told a 1: internal',
      'committed b: 1 of 1',
      'told b 1: durable',
    ]);
  });

  it('makes idle whoever waits for that, and only when nothing is left', async () => {
    const { pipeline, add, next, heard } = subject();
    const run = runOf('a');
    await pipeline.idle();
    add(run);
    void pipeline.idle().then(() => heard.push('idle'));
    await quiet();
    void pipeline.idle().then(() => heard.push('idle too'));
    add(run);
    await next().answer(COMMITTED);
    expect(heard.filter((line) => line.startsWith('idle'))).toEqual([]);
    await next().answer(COMMITTED);
    expect(heard.slice(-2)).toEqual(['idle', 'idle too']);
  });

  it('is no longer counted as unwritten, as is what never will be', async () => {
    const { pipeline, add, next } = subject();
    const [a, b] = [runOf('a'), runOf('b')];
    add(a, 60_000, 60_000);
    let isIn = false;
    void pipeline.unwritten.capacity().then(() => (isIn = true));
    await quiet();
    expect([pipeline.unwritten.events, isIn]).toEqual([60_000, false]);
    await next().answer(COMMITTED);
    expect([pipeline.unwritten.events, isIn]).toEqual([0, true]);
    add(b, 3);
    await quiet();
    await next().answer(refusal('b'));
    expect(pipeline.unwritten.events).toBe(0);
  });
});

describe('a batch that the database refuses', () => {
  it('is written without those who are named, who lose what waits, too', async () => {
    const { add, sent, next, heard, facts } = subject();
    const runs = ['a', 'b', 'c'].map(runOf);
    for (const run of runs) add(run);
    await quiet();
    for (const run of runs) add(run);
    await next().answer(refusal('b'));
    expect(heard).toEqual([
      'told b 1: internal',
      'told b 2: internal',
      'refused b: internal, lost 2',
    ]);
    expect(facts).toEqual([{ is: 'append-refused', run: 'b', reason: 'too long' }]);
    expect(sent()).toEqual(['a c: 2']);
    await next().answer(COMMITTED);
    expect(sent()).toEqual(['a c: 2']);
    expect(heard).toContain('committed a: 1 of 1');
    expect(runs[1]).toMatchObject({ durable: 0, pending: [], committing: null });
  });

  it('is halved where none is named, until only those who are to blame are refused', async () => {
    const { add, sent, next, heard, appends } = subject();
    const runs = runsNamed(8);
    for (const run of runs) add(run);
    await quiet();
    const guilty = ['r2', 'r5'];
    const tried: string[] = [];
    while (appends.length > 0) {
      tried.push(...sent());
      const append = next();
      const isGuilty = runsOf(append.batch).some((run) => guilty.includes(run));
      await append.answer(isGuilty ? { kind: 'refused', runs: null, error: tooLong } : COMMITTED);
    }
    expect(tried.slice(0, 4)).toEqual([
      'r0 r1 r2 r3 r4 r5 r6 r7: 8',
      'r0 r1 r2 r3: 4',
      'r0 r1: 2',
      'r2 r3: 2',
    ]);
    expect(heard.filter((line) => line.startsWith('refused'))).toEqual([
      'refused r2: internal, lost 1',
      'refused r5: internal, lost 1',
    ]);
    expect(runs.filter(({ durable }) => durable === 1).map(({ id }) => id)).toEqual(
      runs.map(({ id }) => id).filter((id) => !guilty.includes(id)),
    );
  });

  it('is written without the run whose key another run has', async () => {
    const { add, sent, next, heard } = subject();
    for (const run of ['a', 'b'].map(runOf)) add(run);
    await quiet();
    await next().answer({ kind: 'key-exists', run: 'a' });
    expect(heard).toEqual(['told a 1: run.exists', 'refused a: run.exists']);
    expect(sent()).toEqual(['b: 1']);
    await next().answer(COMMITTED);
    expect(heard).toContain('committed b: 1 of 1');
  });
});

describe('a node that may not write any more', () => {
  it('writes nothing after a fence: what is sent, what waits and what comes is refused', async () => {
    const { pipeline, add, sent, next, heard } = subject();
    const [a, b, c] = [runOf('a'), runOf('b'), runOf('c')];
    add(a);
    await quiet();
    add(b);
    await next().answer({ kind: 'fenced' });
    add(c);
    await quiet();
    expect(heard).toEqual([
      'told b 1: node.fenced',
      'refused b: node.fenced',
      'told a 1: node.fenced',
      'refused a: node.fenced',
      'told c 1: node.fenced',
    ]);
    expect(sent()).toEqual([]);
    expect(pipeline.unwritten.events).toBe(0);
    await pipeline.idle();
  });

  it('is fenced in the middle of a batch: what was committed before is heard of', async () => {
    const { add, sent, next, heard } = subject();
    for (const run of runsNamed(4)) add(run);
    await quiet();
    await next().answer({ kind: 'refused', runs: null, error: tooLong });
    await next().answer(COMMITTED);
    expect(sent()).toEqual(['r2 r3: 2']);
    await next().answer({ kind: 'fenced' });
    expect(heard.filter((line) => !line.startsWith('told'))).toEqual([
      'counted 2 of 2',
      'notify feed',
      'committed r0: 1 of 1',
      'committed r1: 1 of 1',
      'refused r2 r3: node.fenced',
    ]);
  });

  it('is fenced on one connection: what another one has sent is told as it turns out', async () => {
    const { add, next, heard, sent } = subject(2);
    const [a, b] = [runOf('a'), runOf('b')];
    add(a);
    await quiet();
    add(b);
    await quiet();
    const [ofA, ofB] = [next(), next()];
    add(a);
    await ofB.answer({ kind: 'fenced' });
    await ofA.answer(COMMITTED);
    expect(heard.filter((line) => !line.startsWith('counted'))).toEqual([
      'told b 1: node.fenced',
      'refused b: node.fenced',
      'notify feed',
      'committed a: 1 of 1',
      'told a 1: durable',
      'told a 2: node.fenced',
      'refused a: node.fenced',
    ]);
    expect(sent()).toEqual([]);
  });

  it('is closed: what waits is refused, and no command waits for capacity', async () => {
    const { pipeline, add, next, heard } = subject();
    const [a, b] = [runOf('a'), runOf('b')];
    add(a, 60_000, 60_000);
    await quiet();
    add(b);
    void pipeline.unwritten.capacity().then(() => heard.push('capacity'));
    pipeline.close(new TuttiError('node.stopping'));
    pipeline.close(new TuttiError('node.fenced'));
    await quiet();
    expect(heard).toEqual(['told b 1: node.stopping', 'refused b: node.stopping', 'capacity']);
    await next().answer(COMMITTED);
    expect(heard).toContain('committed a: 60000 of 60000');
    add(b);
    expect(heard.at(-1)).toBe('told b 2: node.stopping');
  });
});

describe('an append without an answer', () => {
  it.each([
    ['command.unanswered', new TuttiError('node.stopping')],
    ['database.refuses', new TuttiError('database.refuses')],
    ['internal', new Error('a mistake')],
  ])('is told as %s, and the next batch goes', async (code, error) => {
    const { add, sent, next, heard } = subject();
    const [a, b] = [runOf('a'), runOf('b')];
    add(a);
    await quiet();
    add(b);
    await next().reject(error);
    expect(heard).toEqual([`told a 1: ${code}`, `refused a: ${code}`]);
    expect(sent()).toEqual(['b: 1']);
  });
});
