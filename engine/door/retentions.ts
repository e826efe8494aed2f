/**
 * Retention, worked off portion by portion beside full load: after each it rests for as long as
 * the portion took, so the busier the database is with the runs, the less it is asked. Ending in
 * between is safe: the journal knows how far it is, and the node that claims it continues from there.
 */
import type { Journal } from '../../journal/journal.ts';
import { TuttiError } from '../../model/errors.ts';
import type { Clock } from '../clock.ts';
import type { RetentionRequest, Retentions } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { Errands } from './errands.ts';

/** So many times as long as it worked: beside full load most of a portion is waiting for its turn. */
const RESTS = 1;
const PAUSE_MIN_MS = 5;
const PAUSE_MAX_MS = 2_000;

interface RetentionParts {
  readonly journal: Pick<Journal, 'retentions'>;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
  /** These runs are no more: what jobs of theirs left on this machine may go. */
  readonly gone: ((runs: readonly string[]) => void) | undefined;
  readonly observer: Observer | undefined;
}

export class RetentionHandler implements Retentions {
  readonly #parts: RetentionParts;
  readonly #errands: Errands;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#errands = new Errands(parts.clock);
  }

  stop(): void {
    this.#errands.stop();
  }

  async request(request: RetentionRequest): Promise<void> {
    const { journal, identity, lifecycle } = this.#parts;
    lifecycle.accept('start');
    await journal.retentions.create(identity.lease, request);
    this.#begin(request.id);
  }

  /** Those whose node is gone, and this node's own from before. */
  async claim(): Promise<void> {
    const { journal, identity } = this.#parts;
    for (const id of await journal.retentions.claim(identity.lease)) this.#begin(id);
  }

  #begin(id: string): void {
    this.#errands.begin(
      id,
      () => this.#workOff(id),
      (error) => this.#failed(id, error),
    );
  }

  async #workOff(id: string): Promise<void> {
    const { journal, clock, identity, observer } = this.#parts;
    observer?.noted({ is: 'retention-begun', retention: id });
    let runs = 0;
    while (!this.#errands.isStopped) {
      const begunAt = clock.elapsed();
      const { more, gone } = await journal.retentions.portion(identity.lease, id);
      runs += gone.length;
      if (gone.length > 0) this.#parts.gone?.(gone);
      if (!more) {
        observer?.noted({ is: 'retention-ended', retention: id, runs });
        return;
      }
      const pauseMs = (clock.elapsed() - begunAt) * RESTS;
      await this.#errands.pause(Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, pauseMs)));
    }
  }

  /** Why it stopped is written down for whoever asked for it. */
  async #failed(id: string, error: unknown): Promise<void> {
    const { journal, observer } = this.#parts;
    observer?.troubled('working off a retention', error, { retention: id });
    if (!(error instanceof TuttiError) || error.code === 'node.stopping') return;
    try {
      await journal.retentions.fail(id, error.message);
    } catch (failure) {
      observer?.troubled('noting why a retention stopped', failure, { retention: id });
    }
  }
}
