/**
 * Retention: what is over is deleted by its age, in portions. A portion is one transaction, which
 * deletes and notes how far it is; so a node that takes over continues where the other stopped. Rows are
 * locked before they are looked at for the last time, and rows that another transaction holds are left
 * alone: a run that is being restarted keeps its family.
 *
 * The order: families of runs (`families.ts`), then bulk commands, then the feed. The last two are
 * shared by all workflows, so they stay when only one workflow is asked for.
 */
import type pg from 'pg';
import { NOTHING_RETIRED, type RetentionCounts } from '../../model/retention.ts';
import type { NodeLease } from '../ownership.ts';
import type { RetentionRow, RetentionStore } from '../retentions.ts';
import { Archive, prepareArchive } from './archive.ts';
import type { Page } from '../page.ts';
import { BEGINNING } from './families.ts';
import { fence } from './lease.ts';
import { inTransaction } from './connection.ts';
import type { Portion, Stage } from './retention-portion.ts';
import { bulksPortion, feedPortion, runsPortion } from './retiring.ts';
import { listNewest } from './newest.ts';
import { exactMs, ms } from './times.ts';
import { isRunId } from '../runs.ts';

const RETENTION = `id, scope, "by", portions, counts, failure, ${ms('created_at')} as "createdAt",
  ${ms('ended_at')} as "endedAt", ${ms('cancelled_at')} as "cancelledAt"`;
export const FIND_RETENTION = `select ${RETENTION} from retentions where id = $1`;
export const RETENTIONS = `
select ${RETENTION}, ${exactMs('created_at')} as at from retentions order by retentions.created_at desc, retentions.id desc limit $1`;
export const RETENTIONS_AFTER = `
select ${RETENTION}, ${exactMs('created_at')} as at from retentions
where (created_at, id) < (to_timestamp($2::float8 / 1000), $3::uuid)
order by retentions.created_at desc, retentions.id desc limit $1`;
export const ADD_RETENTION = `
insert into retentions (id, scope, place, counts, "by", owner) values ($1, $2, $3, $4, $5, $6)
on conflict (id) do nothing`;
/** The trigger of `events` refuses deletes unless this setting is on, as it is until the end of the transaction. */
export const LOCK_RETENTION = `
select ${RETENTION}, place, set_config('tutti.retention', 'on', true)
from retentions where id = $1 and ended_at is null for update`;
export const NOTE_PORTION = `
update retentions set portions = portions + 1, place = $2, counts = $3,
  ended_at = case when $4::bool then now() end where id = $1`;
export const FAIL_RETENTION = `
update retentions set failure = $2, ended_at = now() where id = $1 and ended_at is null`;
export const CANCEL_RETENTION = `
update retentions set cancelled_at = now(), ended_at = now() where id = $1 and ended_at is null`;
export const CLAIM_RETENTIONS = `
with fence as materialized (select 1 from nodes where id = $1 and epoch = $2 for share),
gone as materialized (select node from leases where until is null for share skip locked),
free as (
  select id from retentions where ended_at is null
    and (owner is null or owner = $1 or owner in (select node from gone))
  for update skip locked
)
update retentions set owner = $1 from fence, free where retentions.id = free.id
returning retentions.id`;

type Done = Awaited<ReturnType<RetentionStore['portion']>>;
const NO_MORE: Done = { more: false, gone: [] };

async function portion(client: pg.Client, lease: NodeLease, id: string): Promise<Done> {
  return inTransaction(client, async () => {
    if (!(await fence(client, lease))) return NO_MORE;
    const { rows } = await client.query<RetentionRow & { readonly place: Stage }>(LOCK_RETENTION, [
      id,
    ]);
    const row = rows[0];
    if (row === undefined) return NO_MORE;
    const counts = { ...row.counts };
    const count = (more: Partial<RetentionCounts>): void => {
      for (const each of Object.keys(NOTHING_RETIRED) as (keyof RetentionCounts)[])
        counts[each] += more[each] ?? 0;
    };
    const { scope, portions } = row;
    const name = `${id}-${String(portions + 1).padStart(6, '0')}.jsonl`;
    const archive = scope.archive === null ? null : new Archive(scope.archive, name);
    const gone: string[] = [];
    try {
      const next = await step({ client, scope, archive, count, gone }, row.place);
      await client.query(NOTE_PORTION, [
        id,
        JSON.stringify(next),
        JSON.stringify(counts),
        next.stage === 'over',
      ]);
      return { more: next.stage !== 'over', gone };
    } finally {
      await archive?.abandon();
    }
  });
}

/** Everything of a stage that is deleted is archived before: each of them sees to that. */
function step(work: Portion, stage: Stage): Promise<Stage> {
  switch (stage.stage) {
    case 'runs':
      return runsPortion(work, stage);
    case 'bulks':
      return bulksPortion(work, stage);
    case 'feed':
      return feedPortion(work, stage);
    case 'over':
      return Promise.resolve(stage);
  }
}

const LIST = { first: RETENTIONS, following: RETENTIONS_AFTER };

async function create(
  client: pg.Client,
  lease: NodeLease,
  { id, scope, by }: Parameters<RetentionStore['create']>[1],
): Promise<void> {
  if (scope.applies && scope.archive !== null) await prepareArchive(scope.archive);
  const first: Stage = { stage: 'runs', after: BEGINNING, member: null };
  const texts = [scope, first, NOTHING_RETIRED, by].map((each) => JSON.stringify(each));
  await client.query(ADD_RETENTION, [id, ...texts, lease.node]);
}

async function fail(client: pg.Client, id: string, failure: string): Promise<void> {
  await client.query(FAIL_RETENTION, [id, failure]);
}

async function cancel(client: pg.Client, id: string): Promise<void> {
  if (isRunId(id)) await client.query(CANCEL_RETENTION, [id]);
}

async function claim(client: pg.Client, { node, epoch }: NodeLease): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(CLAIM_RETENTIONS, [node, epoch]);
  return rows.map(({ id }) => id);
}

async function find(client: pg.Client, id: string): Promise<RetentionRow | null> {
  if (!isRunId(id)) return null;
  return (await client.query<RetentionRow>(FIND_RETENTION, [id])).rows[0] ?? null;
}

function list(client: pg.Client, after: string | null, limit: number): Promise<Page<RetentionRow>> {
  return listNewest<RetentionRow>(client, LIST, after, limit);
}

/** What the node does that works on a retention. */
export const RETENTION_WORK = { portion, fail, claim };
/** What people ask. */
export const RETENTION_VIEWS = { create, cancel, find, list };
