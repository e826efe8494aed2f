/** Requests by their Idempotency-Key, in memory. */
import type { RequestState, Requests, StoredAnswer } from '../requests.ts';
import type { MemoryStore } from './store.ts';

const ABANDONED_MS = 60_000;
const KEPT_MS = 24 * 3_600_000;

interface StoredRequest {
  readonly id: string;
  readonly fingerprint: string;
  readonly begunAt: number;
  readonly answer: StoredAnswer | null;
}

export function openRequests(store: MemoryStore): Requests {
  const known = new Map<string, StoredRequest>();
  const change = (key: string, more: Partial<StoredRequest>): void => {
    const request = known.get(key);
    if (request !== undefined) known.set(key, { ...request, ...more });
  };
  return {
    begin: async (key, fingerprint, id): Promise<RequestState> => {
      const now = store.now();
      for (const [each, { begunAt }] of known) if (begunAt < now - KEPT_MS) known.delete(each);
      const request = known.get(key);
      if (request === undefined) {
        known.set(key, { id, fingerprint, begunAt: now, answer: null });
        return { state: 'fresh', id };
      }
      if (request.fingerprint !== fingerprint) return { state: 'other' };
      if (request.answer !== null) return { state: 'answered', answer: request.answer };
      // By this very call, whose answer was lost.
      if (request.id === id) return { state: 'fresh', id };
      if (request.begunAt >= now - ABANDONED_MS) return { state: 'under-way' };
      change(key, { begunAt: now });
      return { state: 'interrupted', id: request.id };
    },
    finish: async (key, answer) => change(key, { answer }),
    interrupt: async (key) => {
      if (known.get(key)?.answer === null)
        change(key, { begunAt: store.now() - ABANDONED_MS - 1_000 });
    },
  };
}
