/**
 * A machine that runs a node: its clock, and the lives of the process on it. A life ends by a
 * crash between any two steps; the next one knows only what is durable.
 */
import type { Alarms, Ticker } from '../../engine/alarms.ts';
import type { Clock } from '../../engine/clock.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Faults } from './faults.ts';
import type { Laws } from './laws.ts';
import type { Party, Schedule } from './schedule.ts';

/** A look each second, and what a step may take. */
const LATE_MS = 1_010;

export class Life implements Party {
  readonly name: string;
  readonly machine: Machine;
  alive = true;
  hangsUntil = 0;
  /** Of its last hang, also when that is over. */
  hungUntil = 0;
  /** Set once the engine has started: commands may be given. */
  open = false;
  stopping = false;
  engine: Engine | undefined;
  /** What is to be taken back when it ends. */
  readonly farewell: (() => void)[] = [];

  constructor(machine: Machine, number: number) {
    this.machine = machine;
    this.name = `${machine.name}.${number}`;
  }

  /** Nothing reaches it any more, and what it waits for is never answered. */
  end(): void {
    this.alive = false;
    this.open = false;
    for (const leave of this.farewell.splice(0)) leave();
  }
}

export class Machine {
  readonly name: string;
  /** Its clock minus the world's, milliseconds. */
  skewMs = 0;
  /** When it was set last, in the world's time. */
  jumpedAt = 0;
  life: Life | undefined;
  #lives = 0;

  constructor(name: string) {
    this.name = name;
  }

  get url(): string {
    return `http://${this.name}`;
  }

  bear(): Life {
    this.#lives += 1;
    this.life = new Life(this, this.#lives);
    return this.life;
  }
}

export interface ClockParts {
  readonly schedule: Schedule;
  readonly faults: Faults;
  readonly laws: Laws;
  /** The engine's. */
  readonly alarms: typeof Alarms;
}

/** Timers count from when they are set, as a machine's do: a jump of the clock does not move them. */
export function clockOf(life: Life, { schedule, faults, laws, alarms }: ClockParts): Clock {
  const { machine } = life;
  const ticker: Ticker = {
    now: () => Math.floor(schedule.now + machine.skewMs),
    elapsed: () => schedule.now,
    after: (ms, callback) => {
      const early = faults.strikes('early timer') ? 1 : 0;
      return schedule.after(Math.max(0, ms - early), life, `${life.name} timer`, callback);
    },
    soon: (callback) => {
      schedule.after(0, life, `${life.name} soon`, callback);
    },
  };
  const set = new alarms(ticker);
  return {
    ...ticker,
    at: (time, callback) => {
      const since = schedule.now;
      return set.at(time, () => {
        const lateMs = ticker.now() - time;
        // Nothing can be late for longer than this: since it was set, the clock was, or it hung.
        const canBeMs = schedule.now - Math.max(since, machine.jumpedAt, life.hungUntil);
        laws.judge(
          'on-time',
          lateMs >= 0 && Math.min(lateMs, canBeMs) <= LATE_MS,
          () => `${life.name} has an alarm ${lateMs} ms after its time`,
        );
        callback();
      });
    },
  };
}
