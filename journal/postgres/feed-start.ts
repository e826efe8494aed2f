/**
 * Where the feed begins: it is deleted from its oldest row on, and where that ended is written
 * down, so that a reader before it learns that events are missing.
 *
 * A row goes when every event of it is old, or deleted. The newest row always stays: it says where
 * now is.
 */
import type pg from 'pg';
import { integers, uuids } from './columns.ts';
import { eventsIn, type FeedRow, firstEventsOf, HORIZON } from './feed.ts';

export const FEED_OLDEST = `
select feed.xid::text as xid, spans from feed
where xid > $1::text::xid8 and xid < ${HORIZON}
  and xid < (select newest.xid from feed as newest order by newest.xid desc limit 1)
order by feed.xid limit $2`;
export const FEED_AGES = `
select wanted.n::int as n, events.at >= to_timestamp($3::float8 / 1000) as young
from unnest($1::uuid[], $2::int[]) with ordinality as wanted(run, seq, n)
join events on events.run_id = wanted.run and events.seq = wanted.seq`;
export const FEED_CUT = 'delete from feed where xid <= $1::text::xid8';
export const FEED_START = `
insert into feed_start (xid, skip) values ($1::text::xid8, $2)
on conflict (one) do update set xid = excluded.xid, skip = excluded.skip`;

const ROWS = 500;

/** Deletes the old rows after this one; answers how many there were, 0 when no old ones are left. */
export async function cutFeed(
  client: pg.Client,
  after: string,
  before: number,
  applies: boolean,
): Promise<{ readonly rows: number; readonly last: string }> {
  const { rows } = await client.query<FeedRow>(FEED_OLDEST, [after, ROWS]);
  const firsts = rows.flatMap((row, n) => firstEventsOf(row).map((event) => ({ ...event, n })));
  const ages = await client.query<{ n: number; young: boolean }>(FEED_AGES, [
    uuids(firsts, ({ run }) => run),
    integers(firsts, ({ seq }) => seq),
    before,
  ]);
  const young = ages.rows.filter((row) => row.young).map((row) => firsts[row.n - 1]?.n ?? 0);
  const old = rows.slice(0, Math.min(rows.length, ...young));
  const last = old.at(-1);
  if (last === undefined) return { rows: 0, last: after };
  if (applies) {
    await client.query(FEED_CUT, [last.xid]);
    await client.query(FEED_START, [last.xid, eventsIn(last)]);
  }
  return { rows: old.length, last: last.xid };
}
