/**
 * Commands on many runs, worked off page by page. Each is an ordinary command through the door,
 * marked with the bulk command's id; what came of it is noted in the journal. A node that takes
 * over finds by the mark what the other did and had not noted yet.
 */
import type { BulkOutcome } from '../../journal/bulks.ts';
import type { Journal } from '../../journal/journal.ts';
import { bug, TuttiError } from '../../model/errors.ts';
import { BULK_VERBS, type BulkVerb } from '../../model/bulk.ts';
import type { By, OperatorCommand, Refusal } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Accepted } from '../door.ts';
import type { NodeIdentity } from '../node-identity.ts';

const PAGE = 200;
const AT_ONCE = 20;
const PAUSE_MS = 1_000;

export interface BulkParts {
  readonly journal: Pick<Journal, 'bulks' | 'views'>;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly submit: (command: OperatorCommand) => Promise<Accepted | Refusal>;
  readonly log: { warn(fields: object, message: string): void };
}

export class Bulk {
  readonly #parts: BulkParts;
  readonly #working = new Set<string>();
  #stopped = false;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Those whose node is gone, and this node's own from before. */
  async claim(): Promise<void> {
    const { journal, identity } = this.#parts;
    const ids = await journal.bulks.claim(identity.lease);
    for (const id of ids) this.take(id, true);
  }

  /** `again`: some of it may have been done without being noted. */
  take(id: string, again = false): void {
    if (this.#working.has(id) || this.#stopped) return;
    this.#working.add(id);
    void this.#workOff(id, again)
      .catch((error: unknown) =>
        this.#parts.log.warn({ err: error, bulk: id }, 'a bulk command stopped'),
      )
      .finally(() => this.#working.delete(id));
  }

  async #workOff(id: string, again: boolean): Promise<void> {
    const { bulks } = this.#parts.journal;
    const bulk = await bulks.find(id);
    if (bulk === null) return;
    const verb = BULK_VERBS.find((each) => each === bulk.verb) ?? bug(`bulk ${bulk.verb}`);
    const by = { ...bulk.by, request: id };
    for (let unsure = again; !this.#stopped; ) {
      const runs = await bulks.open(id, PAGE);
      if (runs.length === 0) return;
      const outcomes: BulkOutcome[] = [];
      for (let i = 0; i < runs.length && !this.#stopped; i += AT_ONCE) {
        const some = runs.slice(i, i + AT_ONCE);
        const tried = await Promise.all(some.map((run) => this.#try(run, verb, by, unsure)));
        for (const outcome of tried) if (outcome !== null) outcomes.push(outcome);
      }
      if (outcomes.length > 0) await bulks.report(id, outcomes);
      unsure = outcomes.length < runs.length;
      if (unsure) await this.#pause();
    }
  }

  /** null: it cannot be told now; it stays open. */
  async #try(run: string, verb: BulkVerb, by: By, unsure: boolean): Promise<BulkOutcome | null> {
    try {
      const { views } = this.#parts.journal;
      if (unsure && (await views.marked(run, by.request ?? ''))) return done(run);
      const answer = await this.#parts.submit(commandOf(verb, run, by));
      if (!answer.refused) return done(run);
      return { run, outcome: answer.code, message: answer.message };
    } catch (error) {
      if (error instanceof TuttiError) return null;
      throw error;
    }
  }

  #pause(): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      clock.after(PAUSE_MS, resolve);
    });
  }
}

function done(run: string): BulkOutcome {
  return { run, outcome: 'done', message: null };
}

function commandOf(verb: BulkVerb, run: string, by: By): OperatorCommand {
  switch (verb) {
    case 'hold':
      return { type: 'HoldRun', run, by };
    case 'release':
      return { type: 'ReleaseRun', run, by };
    case 'cancel':
      return { type: 'CancelRun', run, by };
    case 'restart':
      return { type: 'RestartRun', run, by };
  }
}
