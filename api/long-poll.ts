/**
 * Requests that wait for something new. A wait ends with the first of: there is something, the
 * time is over, the client is gone, the server closes. It never ends with an error: whoever waited
 * looks again and answers with what is there, be it nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

export class LongPolls {
  readonly #waiting = new Set<AbortController>();
  #closed = false;

  /** `something` must resolve when its signal aborts. */
  async wait(
    reply: FastifyReply,
    waitMs: number,
    something: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (this.#closed || waitMs <= 0) return;
    const controller = new AbortController();
    const end = () => controller.abort();
    const timer = setTimeout(end, waitMs);
    this.#waiting.add(controller);
    reply.raw.once('close', end);
    try {
      await something(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(controller);
      reply.raw.off('close', end);
    }
  }

  /** Ends every wait; those that begin later do not wait. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#waiting) controller.abort();
  }
}

/** Over when `something` is, when the time is, or when the signal aborts; `end` lets go of all. */
export function either(
  ms: number,
  signal: AbortSignal,
  something: (signal: AbortSignal) => Promise<void>,
): { readonly over: Promise<void>; end(): void } {
  const controller = new AbortController();
  const end = () => controller.abort();
  const timer = setTimeout(end, ms);
  signal.addEventListener('abort', end, { once: true });
  return {
    over: something(controller.signal),
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      end();
    },
  };
}

/** Asks again and again until it holds or the signal aborts; for what nobody announces. */
export async function holds(
  everyMs: number,
  signal: AbortSignal,
  test: () => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    if (await test()) return;
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
