/**
 * The feed as streams read it: pages of events that are ready to be sent. The text of an event is
 * made once, however many clients get it.
 */
import type { EventRow } from '../../journal/append.ts';
import type { FeedPosition } from '../../journal/feed.ts';
import type { Views } from '../../journal/journal.ts';

export interface Item {
  /** Right after the event. */
  readonly position: FeedPosition;
  readonly run: string;
  readonly seq: number;
  readonly workflow: string;
  readonly type: string;
  /** The event as JSON on one line. */
  readonly text: string;
}
interface ItemPage {
  readonly items: readonly Item[];
  readonly next: FeedPosition;
}

/** Runs whose workflow is remembered. */
const MOST_NAMES = 10_000;

export class FeedReader {
  readonly #views: Pick<Views, 'feed' | 'run' | 'events'>;
  readonly #workflows = new Map<string, string>();
  readonly #underWay = new Map<string, Promise<ItemPage>>();

  constructor(views: Pick<Views, 'feed' | 'run' | 'events'>) {
    this.#views = views;
  }

  /** Where now is. */
  async now(): Promise<FeedPosition> {
    return (await this.#views.feed(null, 1)).next;
  }

  read(after: FeedPosition, limit: number): Promise<ItemPage> {
    return this.#read(after, limit);
  }

  /**
   * Readers that stand at the same place share one query, if it began in the same `turn`: an older
   * one may not have seen what its reader knows to be there.
   */
  share(turn: number, after: FeedPosition, limit: number): Promise<ItemPage> {
    const key = `${turn} ${limit} ${after}`;
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const reading = this.#read(after, limit).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, reading);
    return reading;
  }

  async #read(after: FeedPosition, limit: number): Promise<ItemPage> {
    const page = await this.#views.feed(after, limit);
    const items: Item[] = [];
    for (const { position, event } of page.items) {
      items.push(itemOf(event, position, await this.#workflowOf(event)));
    }
    return { items, next: page.next };
  }

  /** Events of one run after `seq`, all at `position`. */
  async history(run: string, seq: number, limit: number, position: FeedPosition): Promise<Item[]> {
    const rows = await this.#views.events(run, seq, limit);
    const [first] = rows;
    if (first === undefined) return [];
    const workflow = await this.#workflowOf(first);
    return rows.map((row) => itemOf(row, position, workflow));
  }

  async #workflowOf(event: EventRow): Promise<string> {
    const known = this.#workflows.get(event.run);
    if (known !== undefined) return known;
    const named = event.type === 'RunStarted' ? started(event) : undefined;
    const workflow = named ?? (await this.#views.run(event.run))?.workflow ?? '';
    this.#workflows.set(event.run, workflow);
    // The oldest one goes: a map keeps the order in which it was filled.
    for (const oldest of this.#workflows.keys()) {
      if (this.#workflows.size <= MOST_NAMES) break;
      this.#workflows.delete(oldest);
    }
    return workflow;
  }
}

function started(event: EventRow): string | undefined {
  const { workflow }: { readonly workflow?: unknown } = JSON.parse(event.data);
  return typeof workflow === 'string' ? workflow : undefined;
}

function itemOf(event: EventRow, position: FeedPosition, workflow: string): Item {
  const { run, seq, at, type, task, attempt, end } = event;
  // What is written already is not read and written again; a line's end may stand between its parts.
  const data = /[\r\n]/.test(event.data) ? JSON.stringify(JSON.parse(event.data)) : event.data;
  const head = JSON.stringify({ run, workflow, seq, at, type, task, attempt, end });
  return { position, run, seq, workflow, type, text: `${head.slice(0, -1)},"data":${data}}` };
}
