/**
 * The feed: events of all runs in an order that never changes, without a lock or a counter that
 * appends would queue at.
 *
 * Each append writes one row under the number of its own transaction. Transactions commit in
 * another order than they are numbered, so a reader may only read what is older than every
 * transaction that is still under way (`pg_snapshot_xmin`): below that nothing can appear any
 * more. An append of a run begins after the one before it is committed, so its number is higher,
 * and a run's events keep their order. Any transaction on this server that writes and
 * stays open holds the feed up; it loses nothing by that.
 *
 * A position is a transaction's number and how many of its events were read. It always names a
 * row that was read, never the horizon: a number that has left no trace on the disk may be given
 * away again after a crash of the server, and then something would stand before the position.
 *
 * The numbers are the server's own. When a dump is restored on another one, rows whose numbers
 * that server has not reached would be in the way of new ones: they go when a journal is opened.
 */
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import type { EventRow } from '../append.ts';
import type { FeedPage, FeedPosition } from '../feed.ts';
import { uuids, integers } from './columns.ts';
import { clampLimit } from '../page.ts';
import { EVENT } from './runs.ts';

export const HORIZON = 'pg_snapshot_xmin(pg_current_snapshot())';
/** `feed.xid`: the bare name would be the text, in the order of its digits. */
export const FEED_ROWS = `
select xid::text as xid, spans from feed where xid >= $1::text::xid8 and xid < ${HORIZON}
order by feed.xid limit $2`;
export const FEED_END = `
select xid::text as xid, spans from feed where xid < ${HORIZON} order by feed.xid desc limit 1`;
/** Where the feed begins, if that is after this place. */
export const FEED_GONE = `
select xid || '.' || skip as start from feed_start where (xid, skip) > ($1::text::xid8, $2::int)`;
export const FEED_EVENTS = `
select wanted.n::int as n, run_id as run, ${EVENT}
from unnest($1::uuid[], $2::int[], $3::int[]) with ordinality as wanted(run, first, last, n)
join events on run_id = wanted.run and seq between wanted.first and wanted.last
order by wanted.n, seq`;
/** Not of this server: see the top. */
export const IS_FOREIGN = `
select $1::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) as foreign`;
export const FORGET_FOREIGN = `
delete from feed where xid >= pg_snapshot_xmax(pg_current_snapshot())`;
export const FORGET_FOREIGN_START = `
delete from feed_start where xid >= pg_snapshot_xmax(pg_current_snapshot())`;

/** Rows have from one to thousands of events: few at first, then more. */
const ROWS_AT_FIRST = 8;
const ROWS_AT_MOST = 256;

const RANGE_BYTES = 24;

export interface FeedRow {
  readonly xid: string;
  readonly spans: Buffer;
}

/** Events of one run that follow one another. */
interface EventRange {
  readonly xid: string;
  /** How many events stand before it in its transaction. */
  readonly before: number;
  readonly run: string;
  readonly first: number;
  readonly count: number;
}

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [0, 8, 12, 16, 20].map((from, n) => hex.slice(from, [8, 12, 16, 20, 32][n])).join('-');
}

/** What is left of a row after `skip` of its events, at most `limit` events. */
function rangesOf({ xid, spans }: FeedRow, skip: number, limit: number): EventRange[] {
  const found: EventRange[] = [];
  let before = 0;
  for (let at = 0; at < spans.length && before < skip + limit; at += RANGE_BYTES) {
    const first = spans.readInt32BE(at + 16);
    const count = spans.readInt32BE(at + 20);
    const from = Math.max(before, skip);
    const to = Math.min(before + count, skip + limit);
    if (from < to) {
      const run = uuidOf(spans.subarray(at, at + 16));
      found.push({ xid, before: from, run, first: first + from - before, count: to - from });
    }
    before += count;
  }
  return found;
}

/** The first event of each run in a row. */
export function firstEventsOf(
  row: FeedRow,
): readonly { readonly run: string; readonly seq: number }[] {
  return rangesOf(row, 0, Infinity).map(({ run, first }) => ({ run, seq: first }));
}

export function eventsIn(row: FeedRow): number {
  const last = rangesOf(row, 0, Infinity).at(-1);
  return last === undefined ? 0 : last.before + last.count;
}

function parse(position: FeedPosition): { xid: string; skip: number } {
  const [, xid, skip] = /^(\d{1,18})\.(\d{1,9})$/.exec(position) ?? [];
  if (xid === undefined || skip === undefined) throw noPosition();
  return { xid, skip: Number(skip) };
}

function noPosition(): TuttiError {
  return new TuttiError(
    'request.invalid',
    'This is not a position of the feed of this database: begin without one, or with one that it gave.',
  );
}

export async function readFeed(
  client: pg.Client,
  after: FeedPosition | null,
  limit: number,
): Promise<FeedPage> {
  if (after === null) return { items: [], next: await feedEnd(client) };
  const from = parse(after);
  const ranges = await collect(client, from, clampLimit(limit));
  // After the reading: what was not deleted by now was there to be read.
  await refuseGone(client, from);
  const last = ranges.at(-1);
  if (last === undefined) {
    const { rows } = await client.query<{ foreign: boolean }>(IS_FOREIGN, [from.xid]);
    if (rows[0]?.foreign === true) throw noPosition();
    return { items: [], next: after };
  }
  return { items: await eventsOf(client, ranges), next: `${last.xid}.${last.before + last.count}` };
}

async function refuseGone(client: pg.Client, from: { xid: string; skip: number }): Promise<void> {
  const { rows } = await client.query<{ start: string }>(FEED_GONE, [from.xid, from.skip]);
  const start = rows[0]?.start;
  if (start === undefined) return;
  throw new TuttiError(
    'feed.gone',
    `Events after this position are deleted; the earliest position to read from is ${start}.`,
  );
}

async function feedEnd(client: pg.Client): Promise<FeedPosition> {
  const { rows } = await client.query<FeedRow>(FEED_END);
  const row = rows[0];
  return row === undefined ? '0.0' : `${row.xid}.${eventsIn(row)}`;
}

async function collect(
  client: pg.Client,
  from: { xid: string; skip: number },
  limit: number,
): Promise<EventRange[]> {
  const ranges: EventRange[] = [];
  let left = limit;
  let next = from.xid;
  for (let page = ROWS_AT_FIRST; left > 0; page = Math.min(page * 2, ROWS_AT_MOST)) {
    const { rows } = await client.query<FeedRow>({
      name: 'feed-rows',
      text: FEED_ROWS,
      values: [next, page],
    });
    for (const row of rows) {
      const skip = row.xid === from.xid ? from.skip : 0;
      for (const range of left > 0 ? rangesOf(row, skip, left) : []) {
        ranges.push(range);
        left -= range.count;
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) break;
    next = String(BigInt(last.xid) + 1n);
  }
  return ranges;
}

async function eventsOf(
  client: pg.Client,
  ranges: readonly EventRange[],
): Promise<FeedPage['items']> {
  const { rows } = await client.query<EventRow & { readonly n: number }>({
    name: 'feed-events',
    text: FEED_EVENTS,
    values: [
      uuids(ranges, (range) => range.run),
      integers(ranges, (range) => range.first),
      integers(ranges, (range) => range.first + range.count - 1),
    ],
  });
  return rows.flatMap(({ n, ...event }) => {
    const range = ranges[n - 1];
    if (range === undefined) return [];
    const index = range.before + event.seq - range.first + 1;
    return [{ position: `${range.xid}.${index}`, event }];
  });
}
