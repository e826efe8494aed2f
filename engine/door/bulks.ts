/**
 * Commands on many runs, worked off page by page. Each is an ordinary command through the door,
 * marked with the bulk command's id; what came of it is noted in the journal. A node that takes
 * over finds by the mark what the other did and had not noted yet.
 */
import { BULK_MAX, type BulkOutcome } from '../../journal/bulks.ts';
import type { Journal } from '../../journal/journal.ts';
import { bug, TuttiError } from '../../model/errors.ts';
import { BULK_VERBS, type BulkVerb } from '../../model/bulk.ts';
import { refusal } from '../../model/refusal.ts';
import type { By, OperatorCommand, Refusal } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Accepted, BulkRequest, Bulks, Commands } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { Errands } from './errands.ts';

const PAGE = 200;
const AT_ONCE = 20;
const PAUSE_MS = 1_000;

interface BulkParts {
  readonly journal: Pick<Journal, 'bulks' | 'views'>;
  readonly clock: Clock;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
  readonly commands: Pick<Commands, 'submit'>;
  readonly observer: Observer | undefined;
}

export class BulkHandler implements Bulks {
  readonly #parts: BulkParts;
  readonly #errands: Errands;

  constructor(parts: BulkParts) {
    this.#parts = parts;
    this.#errands = new Errands(parts.clock);
  }

  stop(): void {
    this.#errands.stop();
  }

  async request(request: BulkRequest): Promise<Accepted | Refusal> {
    const { journal, identity, lifecycle } = this.#parts;
    lifecycle.accept('start');
    const { created, total } = await journal.bulks.create(identity.lease, request);
    if (!created && total > BULK_MAX) {
      return refusal(
        'bulk.too-many',
        `the filter finds more than ${BULK_MAX.toLocaleString('en')} runs (or has to look at more)`,
      );
    }
    if (!created) {
      return refusal(
        'bulk.miscounted',
        `the filter finds ${total} runs now, not ${request.expected}`,
      );
    }
    this.#begin(request.id, false);
    return { refused: false, run: request.id };
  }

  async cancel(id: string): Promise<void> {
    await this.#parts.journal.bulks.cancel(id);
  }

  /** Those whose node is gone, and this node's own from before. */
  async claim(): Promise<void> {
    const { journal, identity } = this.#parts;
    for (const id of await journal.bulks.claim(identity.lease)) this.#begin(id, true);
  }

  /** `again`: some of it may have been done without being noted. */
  #begin(id: string, again: boolean): void {
    this.#errands.begin(
      id,
      () => this.#workOff(id, again),
      (error) => this.#parts.observer?.troubled('working off a bulk command', error, { bulk: id }),
    );
  }

  async #workOff(id: string, again: boolean): Promise<void> {
    const { bulks } = this.#parts.journal;
    const bulk = await bulks.find(id);
    if (bulk === null) return;
    const verb = BULK_VERBS.find((each) => each === bulk.verb) ?? bug(`bulk ${bulk.verb}`);
    const by = { ...bulk.by, request: id };
    for (let unsure = again; !this.#errands.isStopped; ) {
      const runs = await bulks.open(id, PAGE);
      if (runs.length === 0) return;
      const outcomes: BulkOutcome[] = [];
      for (let i = 0; i < runs.length && !this.#errands.isStopped; i += AT_ONCE) {
        const some = runs.slice(i, i + AT_ONCE);
        const tried = await Promise.all(some.map((run) => this.#try(run, verb, by, unsure)));
        for (const outcome of tried) if (outcome !== null) outcomes.push(outcome);
      }
      if (outcomes.length > 0) await bulks.report(id, outcomes);
      unsure = outcomes.length < runs.length;
      if (unsure) await this.#errands.pause(PAUSE_MS);
    }
  }

  /** null: it cannot be told now; it stays open. */
  async #try(run: string, verb: BulkVerb, by: By, unsure: boolean): Promise<BulkOutcome | null> {
    try {
      const { views } = this.#parts.journal;
      if (unsure && (await views.marked(run, by.request ?? ''))) return done(run);
      const answer = await this.#parts.commands.submit(commandOf(verb, run, by));
      if (!answer.refused) return done(run);
      return { run, outcome: answer.code, message: answer.message };
    } catch (error) {
      if (error instanceof TuttiError) return null;
      throw error;
    }
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
