import { describe, expect, it } from 'vitest';
import { Alarms } from './alarms.ts';
import { Turns, Waker } from './cluster/waker.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A machine whose wall clock can be set; its timers count by the other one. */
class Machine {
  #elapsed = 0;
  #offset = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  readonly alarms = new Alarms(this);

  now(): number {
    return this.#elapsed + this.#offset;
  }
  elapsed(): number {
    return this.#elapsed;
  }
  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  at(time: number, callback: () => void): () => void {
    return this.alarms.at(time, callback);
  }
  soon(callback: () => void): void {
    callback();
  }
  get timers(): number {
    return this.#timers.size;
  }
  set(ms: number): void {
    this.#offset += ms;
  }
  pass(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const next = [...this.#timers].toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
    }
    this.#elapsed = end;
  }
}

function alarmIn(machine: Machine, ms: number): { readonly fired: number[] } {
  const fired: number[] = [];
  machine.at(machine.now() + ms, () => fired.push(machine.elapsed()));
  return { fired };
}

describe('an alarm by the wall clock', () => {
  it('fires in time when the clock was set and set back between two looks', () => {
    const machine = new Machine();
    machine.at(machine.now() + DAY, () => {});
    machine.pass(100);
    machine.set(-5_000);
    let fired = false;
    machine.at(machine.now() + 3_000, () => {
      fired = true;
    });
    machine.set(5_000);
    machine.pass(1_000);
    expect(fired).toBe(true);
  });

  it('fires at its time', () => {
    const machine = new Machine();
    const { fired } = alarmIn(machine, 95_000);
    machine.pass(94_999);
    expect(fired).toEqual([]);
    machine.pass(1);
    expect(fired).toEqual([95_000]);
    expect(machine.timers).toBe(0);
  });

  it.each([HOUR, DAY, 40 * DAY])(
    'fires within a second after the clock was set beyond it: %d ms',
    (ms) => {
      const machine = new Machine();
      const { fired } = alarmIn(machine, ms);
      machine.pass(500);
      machine.set(ms);
      machine.pass(1_000);
      expect(fired).toEqual([1_000]);
    },
  );

  it('does not fire before its time when the clock was set back', () => {
    const machine = new Machine();
    const { fired } = alarmIn(machine, 10_000);
    machine.set(-HOUR);
    machine.pass(HOUR + 9_999);
    expect(fired).toEqual([]);
    machine.pass(1);
    expect(fired).toHaveLength(1);
  });

  it('looks at the clock every thirty seconds, should a jump not be seen as one', () => {
    const machine = new Machine();
    const { fired } = alarmIn(machine, DAY);
    // So slowly that no two looks differ by much.
    for (let at = 0; at < 600_000; at += 100) {
      machine.set(15 * 100);
      machine.pass(100);
    }
    expect(machine.now()).toBeLessThan(Date.UTC(2026, 0, 2));
    machine.set(DAY - 600_000 * 16);
    machine.pass(30_000);
    expect(fired).toHaveLength(1);
  });

  it('lets others have their turn when many are due at once', () => {
    const later: (() => void)[] = [];
    const machine = new Machine();
    machine.soon = (callback) => void later.push(callback);
    const fired = Array.from({ length: 1_000 }, () => alarmIn(machine, 10_000).fired);
    const count = () => fired.filter((each) => each.length === 1).length;
    machine.pass(10_000);
    expect(count()).toBe(200);
    for (let turn = later.shift(); turn !== undefined; turn = later.shift()) turn();
    expect(count()).toBe(1_000);
  });

  it('leaves no timer behind when it is taken back', () => {
    const machine = new Machine();
    const back = machine.at(machine.now() + DAY, () => undefined);
    machine.pass(5_000);
    back();
    expect(machine.timers).toBe(0);
  });

  it('is for lengths of time another thing: nothing that is done to the clock moves them', () => {
    const machine = new Machine();
    const fired: number[] = [];
    machine.after(10_000, () => fired.push(machine.elapsed()));
    machine.set(DAY);
    machine.pass(9_999);
    expect(fired).toEqual([]);
    machine.pass(1);
    expect(fired).toEqual([10_000]);
  });
});

describe('the waker', () => {
  /** Resolves with each question for what is due. */
  function watched(machine: Machine) {
    const asked: number[] = [];
    let heard: () => void = () => undefined;
    const source = {
      due: (now: number) => {
        asked.push(now);
        heard();
        return Promise.resolve({ runs: [], nextAt: null });
      },
      load: () => Promise.resolve([]),
    };
    const waker = new Waker({
      source,
      clock: machine,
      turns: new Turns(),
      capacity: () => 10,
      observer: undefined,
    });
    return {
      waker,
      asked,
      next: () => new Promise<void>((resolve) => (heard = resolve)),
    };
  }

  it('looks when an earlier time has passed already, whatever it was set for', async () => {
    const machine = new Machine();
    const { waker, asked, next } = watched(machine);
    waker.expect(machine.now() + 6 * HOUR);
    machine.set(DAY);
    const looked = next();
    waker.expect(machine.now() + 10_000);
    await looked;
    expect(asked).toEqual([machine.now()]);
  });

  it('looks within a second after the clock was set beyond the next time', async () => {
    const machine = new Machine();
    const { waker, asked, next } = watched(machine);
    waker.expect(machine.now() + 6 * HOUR);
    machine.set(DAY);
    const looked = next();
    machine.pass(1_000);
    await looked;
    expect(asked).toHaveLength(1);
  });
});
