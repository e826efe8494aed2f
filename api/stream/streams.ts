/**
 * The open streams of this node. Each is a generator that the connection pulls from at its own
 * pace, so a slow client holds one piece of text and no more; all of them end when the server
 * closes.
 */
import type { EventEmitter } from 'node:events';
import { Wait } from '../../model/wait-for.ts';
import { afterMs } from '../long-poll.ts';
import { TuttiError } from '../../model/errors.ts';
import { writeStreamCursor } from './stream-cursor.ts';
import type { StreamCursor } from './stream-cursor.ts';
import { StreamReader } from './stream-reader.ts';
import type { Item, FeedReader } from './feed-reader.ts';
import type { Tail } from './tail.ts';

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 1_000;
const HISTORY_PAGE = 200;
const MOST_STREAMS = 1_000;

interface StreamRequest {
  readonly run: string | undefined;
  readonly workflow: string | undefined;
  readonly types: readonly string[] | undefined;
  /** Where to continue; null: at the beginning of the run, or now. */
  readonly cursor: StreamCursor | null;
}

export interface StreamLimits {
  readonly most?: number | undefined;
  readonly heartbeatMs?: number | undefined;
}

export class Streams {
  readonly #source: FeedReader;
  readonly #tail: Tail;
  readonly #most: number;
  readonly #heartbeatMs: number;
  readonly #open = new Set<AbortController>();
  #closed = false;

  constructor(source: FeedReader, tail: Tail, limits: StreamLimits) {
    this.#source = source;
    this.#tail = tail;
    this.#most = limits.most ?? MOST_STREAMS;
    this.#heartbeatMs = limits.heartbeatMs ?? HEARTBEAT_MS;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The text of a stream, until `connection` closes or the server does. */
  async open(wanted: StreamRequest, connection: EventEmitter): Promise<AsyncGenerator<string>> {
    if (this.#closed) throw new TuttiError('node.stopping');
    if (this.#open.size >= this.#most) throw new TuttiError('stream.full');
    const controller = new AbortController();
    this.#open.add(controller);
    let entered = false;
    const forget = () => {
      if (!this.#open.delete(controller)) return;
      connection.off('close', over);
      if (entered) this.#tail.leave();
    };
    // A generator that was never asked for anything has no end of its own.
    const over = () => {
      controller.abort();
      forget();
    };
    connection.once('close', over);
    try {
      const { cursor, run } = wanted;
      // The history of a run says what was; the feed is only needed from here on.
      const fromHistory = run !== undefined && (cursor === null || cursor.seq !== null);
      const start = fromHistory ? null : (cursor?.position ?? null);
      const reader = await StreamReader.open(this.#source, this.#tail, start);
      entered = true;
      if (!this.#open.has(controller)) this.#tail.leave();
      return this.#text(wanted, reader, fromHistory, controller.signal, forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  async *#text(
    wanted: StreamRequest,
    reader: StreamReader,
    fromHistory: boolean,
    signal: AbortSignal,
    forget: () => void,
  ): AsyncGenerator<string> {
    try {
      let seq = fromHistory ? (wanted.cursor?.seq ?? -1) : null;
      const here = () => writeStreamCursor({ position: reader.position, seq });
      yield `retry: ${RETRY_MS}\nid: ${here()}\n\n`;
      if (fromHistory && wanted.run !== undefined) {
        for await (const items of this.#history(wanted.run, seq ?? -1, reader, signal)) {
          seq = items.at(-1)?.seq ?? seq;
          yield frames(items, wanted, true);
        }
      }
      let told = here();
      while (!signal.aborted) {
        const known = seq;
        const items = await this.#next(reader, signal);
        if (signal.aborted) return;
        const fresh = items.filter(
          (item) =>
            wanted.run === undefined || (item.run === wanted.run && item.seq > (known ?? -1)),
        );
        if (seq !== null) seq = fresh.at(-1)?.seq ?? seq;
        const text = frames(fresh, wanted, seq !== null);
        // Nothing for this client: now and then it hears that the place has moved.
        if (text !== '') yield text;
        else if (items.length === 0) yield told === here() ? ': \n\n' : `: \nid: ${here()}\n\n`;
        if (text !== '' || items.length === 0) told = here();
      }
    } finally {
      forget();
    }
  }

  /** None after a heartbeat's time. */
  async #next(reader: StreamReader, signal: AbortSignal): Promise<readonly Item[]> {
    const pause = new Wait(signal, afterMs(this.#heartbeatMs));
    try {
      return await reader.next(pause.signal);
    } finally {
      pause.end();
    }
  }

  async *#history(run: string, seq: number, reader: StreamReader, signal: AbortSignal) {
    for (let after = seq; !signal.aborted; ) {
      const items = await this.#source.history(run, after, HISTORY_PAGE, reader.position);
      if (items.length > 0) yield items;
      if (items.length < HISTORY_PAGE) return;
      after = items.at(-1)?.seq ?? after;
    }
  }

  /** Ends every stream; the clients resume elsewhere, or here when it is back. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#open) controller.abort();
  }
}

function frames(items: readonly Item[], wanted: StreamRequest, numbered: boolean): string {
  let text = '';
  for (const { position, seq, type, workflow, text: data } of items) {
    if (wanted.workflow !== undefined && wanted.workflow !== workflow) continue;
    if (wanted.types !== undefined && !wanted.types.includes(type)) continue;
    text += `id: ${writeStreamCursor({ position, seq: numbered ? seq : null })}\ndata: ${data}\n\n`;
  }
  return text;
}
