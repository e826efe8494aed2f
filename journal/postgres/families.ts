/**
 * Families of runs: a run, its children, theirs, and so on. Retention takes a family as a whole,
 * when every run of it is over and old enough; a run that is open keeps all of its family.
 *
 * Runs are looked at from the oldest on. Most families are small and many fit into a portion. One
 * that does not is taken from below: members without children first, the run at the top last, so
 * whatever is left of it is a family still.
 */
import type pg from 'pg';
import { RUN_STATUSES } from '../../model/run.ts';
import { ms } from './times.ts';
import { NIL_ID } from '../runs.ts';

export interface RetentionCandidate {
  readonly id: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** It has no parent, or none that is still there. */
  readonly top: boolean;
}
export interface Member {
  readonly root: string;
  readonly id: string;
  readonly endedAt: number | null;
}
export interface RunCursor {
  readonly createdAt: number;
  readonly id: string;
}

export const CANDIDATES = 500;
/** Members of families that are looked at together. */
export const MEMBERS = 2_000;

export const BEGINNING: RunCursor = { createdAt: -1e13, id: NIL_ID };

function rangeOf(condition: string): string {
  return `
(select id, created_at, ended_at, parent_run from runs where ${condition}
  and (created_at, id) > (to_timestamp($1::float8 / 1000), $2::uuid)
  and created_at < to_timestamp($3::float8 / 1000)
order by runs.created_at, runs.id limit $4)`;
}

/** Runs that began after a place and before a time, the oldest first. */
export function candidatesStatement(
  workflow: string | null,
  after: RunCursor,
  before: number,
): { text: string; values: unknown[] } {
  const values: unknown[] = [after.createdAt, after.id, before, CANDIDATES];
  const fixed =
    workflow === null ? 'version > -1' : `version > -2 and workflow = $${values.push(workflow)}`;
  const ranges = RUN_STATUSES.map((status) =>
    rangeOf(`${fixed} and status = $${values.push(status)}`),
  );
  return {
    // Not "not exists": that may be answered from a hash of all runs.
    text: `
select id, ${ms('created_at')} as "createdAt", ${ms('ended_at')} as "endedAt",
  parent_run is null or (select true from runs as above where above.id = found.parent_run) is null as top
from (${ranges.join('\nunion all')}) as found
order by found.created_at, found.id limit $4`,
    values,
  };
}

const FAMILY = `
with recursive family as (
  select id as root, id, ended_at from runs where id = any($1::uuid[])
  union all
  select family.root, runs.id, runs.ended_at
  from family join runs on runs.parent_run = family.id where runs.version > -5
)`;
export const MEMBERS_OF = `${FAMILY}
select root, id, ${ms('ended_at')} as "endedAt" from family limit $2`;
/** Of one large family: the last end, null while a run of it is open; and a few that have no children. */
export const LAST_END = `${FAMILY}
select case when count(*) = count(ended_at) then ${ms('max(ended_at)')} end as "endedAt" from family`;
export const CHILDLESS = `${FAMILY}
select id from family where not exists (
  select from runs as below where below.parent_run = family.id and below.version > -5) limit $2`;
/** The next of its members in the order of their ids. */
export const NEXT_MEMBERS = `${FAMILY}
select id from family where id > $2 order by id limit $3`;

export async function candidates(
  client: pg.Client,
  workflow: string | null,
  after: RunCursor,
  before: number,
): Promise<readonly RetentionCandidate[]> {
  const { text, values } = candidatesStatement(workflow, after, before);
  return (await client.query<RetentionCandidate>(text, values)).rows;
}

/** Whole families of the first of these runs, as many as are looked at together; null: the first alone is larger. */
export async function familiesOf(
  client: pg.Client,
  roots: readonly string[],
): Promise<ReadonlyMap<string, readonly Member[]> | null> {
  const { rows } = await client.query<Member>(MEMBERS_OF, [roots, MEMBERS + 1]);
  if (rows.length <= MEMBERS) {
    const families = new Map<string, Member[]>(roots.map((root) => [root, []]));
    for (const member of rows) families.get(member.root)?.push(member);
    return families;
  }
  return roots.length === 1
    ? null
    : familiesOf(client, roots.slice(0, Math.ceil(roots.length / 4)));
}

/** When the last of them ended; null while one is open. */
export function lastEnd(members: readonly Member[]): number | null {
  let last = 0;
  for (const { endedAt } of members) {
    if (endedAt === null) return null;
    last = Math.max(last, endedAt);
  }
  return last;
}
