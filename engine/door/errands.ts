/**
 * Errands: what people asked for that takes longer than an answer. Commands on many runs, and
 * retention. Each is noted in the journal and worked off behind the answer; those of a node that
 * is gone are taken up by another.
 */
import { Bulk, type BulkParts } from './bulk.ts';
import { Retention, type RetentionParts } from './retention.ts';

export class Errands {
  readonly #bulk: Bulk;
  readonly #retention: Retention;

  constructor(parts: BulkParts & RetentionParts) {
    this.#bulk = new Bulk(parts);
    this.#retention = new Retention(parts);
  }

  async claim(): Promise<void> {
    await this.#bulk.claim();
    await this.#retention.claim();
  }

  bulk(id: string): void {
    this.#bulk.take(id);
  }

  retention(id: string): void {
    this.#retention.take(id);
  }

  stop(): void {
    this.#bulk.stop();
    this.#retention.stop();
  }
}
