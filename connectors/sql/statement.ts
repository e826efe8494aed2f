/**
 * One statement in the extended protocol, step by step:
 *
 *   parse, describe ─► types of parameters and columns ─► bind, execute ─► rows in portions ─► sync
 *
 * The server is asked what it makes of the statement before anything runs. Rows are taken in
 * portions, counted in bytes as they come, and dropped at once where they are not wanted; so a
 * result of any size needs little memory here and no long turn of the loop. What the server says
 * it did (`command`) and where the transaction stands (`status`) are its own words.
 */
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import type { Json } from '../../model/json.ts';
import { ActionFailure, outputTooLarge } from '../kit/index.ts';
import { type Column, decode, encode, refuseSameNames } from './values.ts';
import { MOST_MESSAGE_BYTES } from './wire.ts';

export interface Rows {
  /** INSERT, SELECT, ROLLBACK…: what the server says it did. */
  readonly command: string;
  readonly rowCount: number;
  readonly rows: readonly Readonly<Record<string, Json>>[];
  /** There are more rows than were asked for. */
  readonly more: boolean;
}

export interface Wanted {
  /** `none`: the rows are counted and dropped. */
  readonly rows: 'all' | 'none' | { readonly atMost: number };
}

const PORTION = 200;
/** More on the wire than any output may be as JSON, whose numbers are shorter than their row. */
const MOST_RESULT_BYTES = MOST_MESSAGE_BYTES;

interface Protocol {
  readonly stream: Pick<Duplex, 'cork' | 'uncork'>;
  parse(message: { text: string; name: string }): void;
  describe(message: { type: 'S'; name: string }): void;
  bind(message: { values: (string | null)[] }): void;
  execute(message: { rows: number }): void;
  sync(): void;
  flush(): void;
  sendCopyFail(message: string): void;
  on(name: string, listener: (message: never) => void): void;
  off(name: string, listener: (message: never) => void): void;
}

/** Rows as they come: kept as JSON up to a limit, or only counted. */
class Result {
  columns: readonly Column[] = [];
  command = '';
  /** As the server counts them. */
  rowCount = 0;
  readonly #wanted: Wanted['rows'];
  readonly #rows: Readonly<Record<string, Json>>[] = [];
  #seen = 0;
  #bytes = 0;
  #more = false;

  constructor(wanted: Wanted['rows']) {
    this.#wanted = wanted;
  }

  /** Throws when the rows could not be told apart. */
  check(): void {
    if (this.#wanted !== 'none') refuseSameNames(this.columns);
  }

  get more(): boolean {
    return this.#more;
  }

  /** How many rows to ask for next. */
  get portion(): number {
    if (typeof this.#wanted !== 'object') return PORTION;
    return Math.min(PORTION, this.#wanted.atMost + 1 - this.#seen);
  }

  add(fields: readonly (string | null)[], bytes: number): void {
    this.#seen += 1;
    if (this.#wanted === 'none') return;
    if (typeof this.#wanted === 'object' && this.#seen > this.#wanted.atMost) {
      this.#more = true;
      return;
    }
    this.#bytes += bytes;
    if (this.#bytes > MOST_RESULT_BYTES) throw outputTooLarge('what the statement returns');
    this.#rows.push(decode(this.columns, fields));
  }

  complete(): Rows {
    // A portal that was read in portions counts the last one only.
    const rowCount = this.#seen > 0 ? this.#seen : this.rowCount;
    return {
      command: this.command,
      rowCount: this.#more ? this.#rows.length : rowCount,
      rows: this.#rows,
      more: this.#more,
    };
  }
}

/** Handed to `client.query`; the methods below are those that the client calls. */
export class Statement implements pg.Submittable {
  readonly done: Promise<Rows>;
  readonly #text: string;
  readonly #values: readonly Json[];
  readonly #result: Result;
  readonly #listeners: readonly (readonly [name: string, listener: (message: never) => void])[];
  #resolve: (rows: Rows) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #protocol: Protocol | undefined;
  #types: readonly number[] = [];
  #failure: unknown;

  constructor(text: string, values: readonly Json[], wanted: Wanted) {
    this.#text = text;
    this.#values = values;
    this.#result = new Result(wanted.rows);
    this.#listeners = [
      [
        'parameterDescription',
        (message: { dataTypeIDs: readonly number[] }) => {
          this.#types = message.dataTypeIDs;
        },
      ],
      ['noData', () => this.#start()],
      ['copyOutResponse', () => this.fail(noCopy())],
    ];
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: pg.Connection): void {
    // The types of pg are those of an older protocol.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const protocol = connection as unknown as Protocol;
    this.#protocol = protocol;
    for (const [name, listener] of this.#listeners) protocol.on(name, listener);
    // In one piece: a server that ends itself with a message unread resets the connection, and what
    // it said last would be lost.
    protocol.stream.cork();
    protocol.parse({ text: this.#text, name: '' });
    protocol.describe({ type: 'S', name: '' });
    protocol.flush();
    protocol.stream.uncork();
  }

  /** Ends it from this side: what still comes is not read, and the connection is of no use. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#leave();
    this.#reject(this.#failure);
  }

  handleRowDescription({ fields }: { fields: readonly Column[] }): void {
    this.#result.columns = fields;
    this.#start();
  }

  #start(): void {
    const { stream } = this.#protocol ?? {};
    stream?.cork();
    try {
      this.#result.check();
      this.#protocol?.bind({ values: encode(this.#values, this.#types) });
      this.#next();
    } catch (error) {
      this.fail(error);
    } finally {
      stream?.uncork();
    }
  }

  #next(): void {
    this.#protocol?.execute({ rows: this.#result.portion });
    this.#protocol?.flush();
  }

  handleDataRow({ fields, length }: { fields: readonly (string | null)[]; length: number }): void {
    if (this.#failure !== undefined) return;
    try {
      this.#result.add(fields, length);
    } catch (error) {
      this.fail(error);
    }
  }

  handlePortalSuspended(): void {
    if (this.#failure !== undefined) return;
    if (this.#result.more) this.#protocol?.sync();
    else this.#next();
  }

  handleCommandComplete({ text }: { text: string }): void {
    // `INSERT 0 5`, `SELECT 5`, `CREATE TABLE`: a count stands last.
    const [, command = text, count] = /^(\D*?)(?: (?:\d+ )?(\d+))?$/.exec(text) ?? [];
    this.#result.command = command;
    this.#result.rowCount = Number(count ?? 0);
    this.#protocol?.sync();
  }

  handleEmptyQuery(): void {
    this.#protocol?.sync();
  }

  handleReadyForQuery(): void {
    this.#leave();
    if (this.#failure !== undefined) return this.#reject(this.#failure);
    this.#resolve(this.#result.complete());
  }

  handleError(error: unknown): void {
    this.#protocol?.sync();
    this.fail(error);
  }

  handleCopyInResponse(): void {
    this.#failure = noCopy();
    this.#protocol?.sendCopyFail('Tutti gives no data');
  }

  handleCopyData(): void {}

  #leave(): void {
    for (const [name, listener] of this.#listeners) this.#protocol?.off(name, listener);
  }
}

function noCopy(): ActionFailure {
  const message =
    'COPY to or from the client is not supported; use INSERT, SELECT or a server file';
  return new ActionFailure({ class: 'rejected', code: 'sql.copy', message });
}
