/**
 * Retention, worked off portion by portion beside full load: after each it rests for as long as
 * the portion took, so the busier the database is with the runs, the less it is asked. Ending in
 * between is safe: the journal knows how far it is, and whoever claims it goes on from there.
 */
import type { Journal } from '../../journal/journal.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';

/** So many times as long as it worked: beside full load most of a portion is waiting for its turn. */
const RESTS = 1;
const PAUSE_MIN_MS = 5;
const PAUSE_MAX_MS = 2_000;

export interface RetentionParts {
  readonly journal: Pick<Journal, 'retentions'>;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  /** These runs are no more: what jobs of theirs left on this machine may go. */
  readonly gone?: ((runs: readonly string[]) => void) | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

export class Retention {
  readonly #parts: RetentionParts;
  readonly #working = new Set<string>();
  #stopped = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Those whose node is gone, and this node's own from before. */
  async claim(): Promise<void> {
    const { journal, identity } = this.#parts;
    for (const id of await journal.retentions.claim(identity.lease)) this.take(id);
  }

  take(id: string): void {
    if (this.#working.has(id) || this.#stopped) return;
    this.#working.add(id);
    void this.#workOff(id)
      .catch((error: unknown) => this.#failed(id, error))
      .finally(() => this.#working.delete(id));
  }

  async #workOff(id: string): Promise<void> {
    const { journal, clock, identity } = this.#parts;
    while (!this.#stopped) {
      const begunAt = clock.elapsed();
      const { more, gone } = await journal.retentions.portion(identity.lease, id);
      if (gone.length > 0) this.#parts.gone?.(gone);
      if (!more) return;
      await this.#rest((clock.elapsed() - begunAt) * RESTS);
    }
  }

  /** A node that stops leaves it to the next one; anything else is told to whoever looks. */
  async #failed(id: string, error: unknown): Promise<void> {
    if (this.#stopped) return;
    this.#parts.log.warn({ err: error, retention: id }, 'a retention stopped');
    const known = error instanceof TuttiError && error.code !== 'node.stopping';
    if (known) await this.#parts.journal.retentions.fail(id, error.message).catch(() => undefined);
  }

  #rest(restMs: number): Promise<void> {
    const { clock } = this.#parts;
    const pauseMs = Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, restMs));
    return new Promise((resolve) => {
      clock.after(pauseMs, resolve);
    });
  }
}
