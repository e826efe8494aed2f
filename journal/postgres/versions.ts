/** Workflows, their immutable versions, and the pools that they declare. */
import { setImmediate as turn } from 'node:timers/promises';
import type pg from 'pg';
import { readingDefinition, writingDefinition } from '../../model/definition-text.ts';
import { inTurns } from '../../model/portions.ts';
import type { By } from '../../model/run.ts';
import type { Page } from '../page.ts';
import type { VersionEntry, VersionRow, WorkflowRow } from '../versions.ts';
import { notifyIn } from './notifier.ts';
import { clampLimit, readCursor, writeCursor } from '../page.ts';
import { inTransaction } from './connection.ts';
import { declarePools } from './pools.ts';
import { ms } from './times.ts';

export const INTRODUCE_WORKFLOW =
  'insert into workflows (name) values ($1) on conflict (name) do nothing';
/** Beside the lock of the migrations (`migrate.ts`); it goes with the transaction. */
const LOCK_DEPLOYMENTS = 'select pg_advisory_xact_lock(1953854580, -2)';
export const NEWEST_OF = 'select name, version from workflows where name = any($1)';
export const LOCK_WORKFLOW = 'select version from workflows where name = $1 for update';
/** The same by meaning, too: definitions of many tasks have had another form of text. */
export const SAME_VERSION = `
select source = $3 and directory = $5 and case
    when definition::text = $4::text then true
    else definition::jsonb = $4::text::jsonb
  end as same,
  ${ms('deployed_at')} = $6::float8 as now
from versions where workflow = $1 and version = $2`;
export const ADD_VERSION = `
insert into versions (workflow, version, definition, source, directory, deployed_at, "by")
values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), $7)`;
export const NAME_NEWEST = `
update workflows set version = $2, title = $3, owner = $4,
  deployed_at = to_timestamp($5::float8 / 1000) where name = $1`;
const VERSION = `workflow, version, source, directory,
  ${ms('deployed_at')} as "deployedAt", "by"`;
export const FIND_VERSION = `
select ${VERSION}, definition::text from versions where workflow = $1 and version = $2`;
export const FIND_NEWEST = `
select ${VERSION}, definition::text from versions where workflow = $1 order by version desc limit 1`;
export const VERSIONS = `
select workflow, version, directory, ${ms('deployed_at')} as "deployedAt", "by"
from versions where workflow = $1 and version < $2 order by version desc limit $3`;
export const WORKFLOWS = `
select name, title, owner, version, ${ms('deployed_at')} as "deployedAt"
from workflows where version > 0 and name > $1 order by name limit $2`;

/** Above every version: integers of the database end here. */
const NEWEST = 2 ** 31 - 1;

export async function deploy(
  client: pg.Client,
  row: Omit<VersionRow, 'version'>,
  beside: ReadonlyMap<string, number> = new Map(),
): Promise<{ version: number; changed: boolean } | null> {
  const definition = await inTurns(writingDefinition(row.definition), turn);
  return inTransaction(client, async () => {
    if (beside.size > 0 && (await hasMoved(client, beside))) return null;
    await client.query(INTRODUCE_WORKFLOW, [row.workflow]);
    const newest = await client.query<{ version: number }>(LOCK_WORKFLOW, [row.workflow]);
    const version = newest.rows[0]?.version ?? 0;
    const content = [row.source, definition, row.directory, row.deployedAt];
    const same = await client.query<{ same: boolean; now: boolean }>(SAME_VERSION, [
      row.workflow,
      version,
      ...content,
    ]);
    // `now`: stored by this very call, whose answer was lost.
    if (same.rows[0]?.same === true) return { version, changed: same.rows[0].now };
    await addVersion(client, row, version + 1, definition);
    return { version: version + 1, changed: true };
  });
}

/**
 * Two deployments that run each other's workflow must not both be stored; a workflow that
 * runs no other needs no turn.
 */
async function hasMoved(client: pg.Client, beside: ReadonlyMap<string, number>): Promise<boolean> {
  await client.query(LOCK_DEPLOYMENTS);
  const { rows } = await client.query<{ name: string; version: number }>(NEWEST_OF, [
    [...beside.keys()],
  ]);
  const newest = new Map(rows.map(({ name, version }) => [name, version]));
  return [...beside].some(([name, version]) => (newest.get(name) ?? 0) !== version);
}

async function addVersion(
  client: pg.Client,
  row: Omit<VersionRow, 'version'>,
  version: number,
  definition: string,
): Promise<void> {
  const { workflow, source, directory, deployedAt, by } = row;
  const { title, owner } = row.definition;
  await client.query(ADD_VERSION, [
    workflow,
    version,
    definition,
    source,
    directory,
    deployedAt,
    JSON.stringify(by),
  ]);
  await client.query(NAME_NEWEST, [workflow, version, title ?? null, owner ?? null, deployedAt]);
  await declarePools(client, row.definition);
  await notifyIn(client, { about: 'deployed', workflow });
}

interface StoredVersion {
  readonly workflow: string;
  readonly version: number;
  readonly source: string;
  readonly directory: string;
  readonly deployedAt: number;
  readonly by: By;
  readonly definition: string;
}

export async function findVersion(
  client: pg.Client,
  workflow: string,
  version: number | null,
): Promise<VersionRow | null> {
  const { rows } =
    version === null
      ? await client.query<StoredVersion>(FIND_NEWEST, [workflow])
      : await client.query<StoredVersion>(FIND_VERSION, [workflow, version]);
  const [row] = rows;
  return row === undefined
    ? null
    : { ...row, definition: await inTurns(readingDefinition(row.definition), turn) };
}

export async function listVersions(
  client: pg.Client,
  workflow: string,
  after: string | null,
  limit: number,
): Promise<Page<VersionEntry>> {
  const [before] = after === null ? [NEWEST] : readCursor(after, ['number']);
  const size = clampLimit(limit);
  const { rows } = await client.query<VersionEntry>(VERSIONS, [workflow, before, size + 1]);
  const items = rows.slice(0, size);
  const last = items.at(-1);
  const more = rows.length > items.length && last !== undefined;
  return { items, next: more ? writeCursor([last.version]) : null };
}

export async function listWorkflows(
  client: pg.Client,
  after: string | null,
  limit: number,
): Promise<Page<WorkflowRow>> {
  const [from] = after === null ? [''] : readCursor(after, ['text']);
  const { rows } = await client.query<WorkflowRow>(WORKFLOWS, [from, clampLimit(limit) + 1]);
  const items = rows.slice(0, clampLimit(limit));
  const last = items.at(-1);
  const more = rows.length > items.length && last !== undefined;
  return { items, next: more ? writeCursor([last.name]) : null };
}
