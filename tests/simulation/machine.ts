/**
 * A machine that runs a node: its clock, and the lives of the process on it. A life ends by a
 * crash between any two steps; the next one knows only what is durable.
 */
import type { Clock } from '../../engine/clock.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Faults } from './faults.ts';
import type { Party, Schedule } from './schedule.ts';

export class Life implements Party {
  readonly name: string;
  readonly machine: Machine;
  alive = true;
  hangsUntil = 0;
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

/** Timers count from when they are set, as a machine's do: a jump of the clock does not move them. */
export function clockOf(life: Life, schedule: Schedule, faults: Faults): Clock {
  const now = () => Math.floor(schedule.now + life.machine.skewMs);
  return {
    now,
    elapsed: () => schedule.now,
    at: (time, callback) => {
      const early = faults.strikes('early timer') ? 1 : 0;
      const ms = Math.max(0, time - now() - early);
      return schedule.after(ms, life, `${life.name} timer`, callback);
    },
    soon: (callback) => {
      schedule.after(0, life, `${life.name} soon`, callback);
    },
  };
}
