/**
 * Requests that wait for something new. A wait ends with the first of: there is something, the
 * time is over, the client is gone, the server closes. It never ends with an error: whoever waited
 * looks again and answers with what is there, be it nothing.
 */
import type { FastifyReply } from 'fastify';
import { Wait, waitFor, type WakeSource } from '../model/wait-for.ts';

export class LongPolls {
  readonly #waiting = new Set<() => void>();
  #closed = false;

  /** `something` must resolve when its signal aborts. */
  async wait(
    reply: FastifyReply,
    waitMs: number,
    something: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (this.#closed || waitMs <= 0) return;
    const wait = new Wait(undefined, afterMs(waitMs), whenGone(reply), (wake) => {
      this.#waiting.add(wake);
      return () => this.#waiting.delete(wake);
    });
    try {
      await something(wait.signal);
    } finally {
      wait.end();
    }
  }

  /** Ends every wait; those that begin later do not wait. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#waiting) wake();
  }
}

/** Wakes after so long. */
export function afterMs(ms: number): WakeSource {
  return (wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  };
}

/** Wakes when the connection closes. */
function whenGone({ raw }: FastifyReply): WakeSource {
  return (wake) => {
    raw.once('close', wake);
    return () => raw.off('close', wake);
  };
}

/** Asks again and again until it holds or the signal aborts; for what no event announces. */
export async function holds(
  everyMs: number,
  signal: AbortSignal,
  test: () => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    if (await test()) return;
    await waitFor(signal, afterMs(everyMs));
  }
}
