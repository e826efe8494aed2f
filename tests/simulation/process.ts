/**
 * A node as a process: it can be stopped (SIGSTOP) and continued, and killed. What it has asked the
 * journal for is done, as in a database that has the statement already; its answers, timers and
 * notifications come when it continues, or never.
 */
import type { Clock } from '../../engine/clock.ts';
import type { Notification } from '../../journal/notifications.ts';
import type { Journal } from '../../journal/journal.ts';

type Call = (...given: unknown[]) => unknown;

export class Process {
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #continued: Promise<void> = Promise.resolve();
  #continue: () => void = () => {};
  /** Its own: they are closed when it is gone. */
  readonly #journals: Journal[] = [];

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state;
  }

  stop(): void {
    this.#state = 'stopped';
    this.#continued = new Promise((resolve) => {
      this.#continue = resolve;
    });
  }

  continue(): void {
    this.#state = 'running';
    this.#continue();
  }

  kill(): void {
    this.stop();
    this.#state = 'dead';
    for (const journal of this.#journals.splice(0)) void journal.close();
  }

  /** Does it now, when the process continues, or never. */
  when(work: () => void): void {
    if (this.#state === 'running') work();
    else void this.#continued.then(work);
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      at: (time, callback) => clock.at(time, () => this.when(callback)),
      after: (ms, callback) => clock.after(ms, () => this.when(callback)),
      elapsed: () => clock.elapsed(),
      soon: (callback) => clock.soon(() => this.when(callback)),
    };
  }

  journal(journal: Journal): Journal {
    this.#journals.push(journal);
    const views = this.#wrap(journal.views);
    const wrapped = this.#wrap(journal);
    return new Proxy(wrapped, {
      get: (target, name) => {
        if (name === 'views') return views;
        if (name === 'listen') {
          return (receive: (notification: Notification) => void) =>
            journal.listen((notification) => this.when(() => receive(notification)));
        }
        return Reflect.get(target, name);
      },
    });
  }

  #wrap<T extends object>(object: T): T {
    return new Proxy(object, {
      get: (target, name) => {
        // Read afresh each time: a test may put another function there.
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => this.#call(() => (value as Call).apply(target, given));
      },
    });
  }

  #call(call: () => unknown): unknown {
    if (this.#state === 'running') {
      const result = call();
      return result instanceof Promise ? this.#later(result) : result;
    }
    return this.#continued.then(call);
  }

  async #later(result: Promise<unknown>): Promise<unknown> {
    try {
      return await result;
    } finally {
      if (this.#state !== 'running') await this.#continued;
    }
  }
}
