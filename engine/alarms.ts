/**
 * Alarms by the wall clock, on a machine whose timers count by another one.
 *
 * A timer that is set once for the whole rest is wrong as soon as the wall clock is set: after a
 * suspended machine, or a corrected clock, what is due by now sleeps on, and what is not due yet
 * fires. So no timer is set for more than a piece, every alarm looks at the wall clock before it
 * fires, and while there are alarms both clocks are compared every second: when they no longer
 * differ by what they did, all alarms are set again. No table is read for it.
 */
import type { Clock } from './clock.ts';
import { Fifo } from './fifo.ts';

export type Ticker = Pick<Clock, 'now' | 'elapsed' | 'after' | 'soon'>;

/** Of a wall clock that was set in a way that no comparison notices. */
const PIECE_MS = 30_000;
const LOOK_MS = 1_000;
/** A clock that is being adjusted slowly differs by less between two looks. */
const JUMP_MS = 200;

const FIRED_AT_ONCE = 200;

interface Alarm {
  readonly time: number;
  readonly callback: () => void;
  cancel: () => void;
}

export class Alarms {
  readonly #ticker: Ticker;
  readonly #set = new Set<Alarm>();
  readonly #due = new Fifo<Alarm>();
  /** Since the last pause. */
  #fired = 0;
  #pausing = false;
  #difference = 0;
  #stopLooking: () => void = () => {};

  constructor(ticker: Ticker) {
    this.#ticker = ticker;
  }

  /** Calls back when the wall clock shows this time or a later one; the result takes it back. */
  at(time: number, callback: () => void): () => void {
    const alarm: Alarm = { time, callback, cancel: () => {} };
    if (this.#set.size === 0) this.#watch();
    this.#set.add(alarm);
    this.#arm(alarm);
    return () => {
      alarm.cancel();
      this.#forget(alarm);
    };
  }

  #arm(alarm: Alarm): void {
    // By a clock that no look has seen: should it be set back before the next one, that must tell.
    if (Math.abs(this.#differs() - this.#difference) > JUMP_MS) this.#difference = Infinity;
    const leftMs = alarm.time - this.#ticker.now();
    alarm.cancel = this.#ticker.after(Math.max(0, Math.min(leftMs, PIECE_MS)), () => {
      this.#due.push(alarm);
      if (!this.#pausing) this.#fire();
    });
  }

  /** Many may be due at once: after some of them others have their turn. */
  #fire(): void {
    for (let alarm = this.#due.shift(); alarm !== undefined; alarm = this.#due.shift()) {
      if (!this.#set.has(alarm)) continue;
      if (this.#ticker.now() < alarm.time) {
        this.#arm(alarm);
        continue;
      }
      this.#forget(alarm);
      if (++this.#fired >= FIRED_AT_ONCE) this.#pause();
      alarm.callback();
      if (this.#pausing) return;
    }
  }

  #pause(): void {
    this.#fired = 0;
    this.#pausing = true;
    this.#ticker.soon(() => {
      this.#pausing = false;
      this.#fire();
    });
  }

  #forget(alarm: Alarm): void {
    if (this.#set.delete(alarm) && this.#set.size === 0) this.#stopLooking();
  }

  #watch(): void {
    this.#difference = this.#differs();
    this.#lookLater();
  }

  #lookLater(): void {
    this.#stopLooking = this.#ticker.after(LOOK_MS, () => this.#look());
  }

  #look(): void {
    this.#lookLater();
    const difference = this.#differs();
    const jumped = Math.abs(difference - this.#difference) > JUMP_MS;
    this.#difference = difference;
    if (!jumped) return;
    for (const alarm of this.#set) {
      alarm.cancel();
      this.#arm(alarm);
    }
  }

  #differs(): number {
    return this.#ticker.now() - this.#ticker.elapsed();
  }
}
