/**
 * What each statement of `journal/postgres` is asked at volume, and how many rows of tables it may
 * read for it. A new statement needs a line here, under the name of its constant; a new part of a
 * statement that is made of parts comes by itself where its filters are listed.
 *
 * `reads`: rows of tables, those that are thrown away included. `sorts`: why what it sorts is
 * bounded. `session`: the settings of the connections that it is asked on.
 */
import type { BulkFilter } from '../../journal/bulks.ts';
import type { RunFilter } from '../../journal/runs.ts';
import { APPEND_SETTINGS } from '../../journal/postgres/append.ts';
import { CLAIM_SETTINGS } from '../../journal/postgres/claims.ts';
import { writeCursor } from '../../journal/page.ts';
import { BEGINNING, CANDIDATES, candidatesStatement } from '../../journal/postgres/families.ts';
import { logsStatement } from '../../journal/postgres/logs.ts';
import {
  CHILDREN_SCANNED,
  countStatement,
  noteStatement,
  runsStatement,
} from '../../journal/postgres/run-lists.ts';
import { INTERACTIVE_SETTINGS, READ_SETTINGS } from '../../journal/postgres/runs.ts';
import { appendStatement } from '../../journal/postgres/statement.ts';
import { batch, eventRow, startRow, updateRow } from '../../journal/testbed.ts';
import { RUN_STATUSES } from '../../model/run.ts';
import type { Volume } from './volume.ts';

export interface Case {
  readonly values: readonly unknown[];
  readonly reads: number;
  readonly sorts?: string;
  readonly session?: string;
}
export interface MadeCase extends Case {
  readonly name: string;
  readonly maker: string;
  readonly text: string;
}

const PAGE = 50;
const NOW_MS = 1_900_000_000_000;
const NONE = '{}';
const FRESH = '0fffffff-0000-7000-8000-000000000000';
/** One transaction may be any size; this one has so many rows. */
const FEW = 20;
const one = (...values: readonly unknown[]): Case => ({ values, reads: 4 });
const few = (values: readonly unknown[], reads = 4 * FEW): Case => ({ values, reads });
const on = (session: string, reads: number, ...values: readonly unknown[]): Case => ({
  values,
  reads,
  session,
});
const POOL_ROWS = 'the slots of one pool are no more than its size';

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n + 1);
}

/** Statements that are constants. */
export function plainCases(volume: Volume, feedPosition: string): Readonly<Record<string, Case>> {
  const run = volume.idOf(volume.runs / 2);
  const some = numbers(FEW).map((n) => volume.idOf(n * 100));
  const tasks = some.map(() => 't1');
  const attempts = some.map(() => 1);
  const gone = [4, 5, 6];
  return {
    ...nodeCases(),
    ...poolCases(some, tasks, attempts),
    ...versionCases(),
    ...bulkCases(volume, some),
    ...loadCases(volume, run, some),
    ...retentionCases(volume, some, feedPosition),
    FIND_EVENT: one(run, 1, 'TaskEnded', 't1', 1, 'succeeded', NONE, 1),
    FIND_STARTED: one(run),
    STILL_OURS: few([1, 1], 12),
    FIND_CONFLICTS: { ...on(APPEND_SETTINGS, 6 * FEW, some, attempts, some), sorts: 'one batch' },
    SET_ASIDE: on(READ_SETTINGS, 20, 1, 1, run, 'why'),
    REINSTATE: on(READ_SETTINGS, 20, 1, 1, run),
    COUNT_ASIDE: on(INTERACTIVE_SETTINGS, 2),
    MISSING: { values: [], reads: 4 },
    FIND_TAKEN_KEY: on(
      APPEND_SETTINGS,
      4 * FEW,
      some,
      tasks,
      numbers(FEW).map((n) => `k${4 * n}`),
    ),
    LOCK_ACTIVE: on(CLAIM_SETTINGS, 4 * FEW, gone, FEW),
    LOCK_DUE: on(CLAIM_SETTINGS, 4 * FEW, gone, FEW, NOW_MS),
    SET_OWNER: on(CLAIM_SETTINGS, 4 * FEW, 1, some),
    NEXT_DUE: on(CLAIM_SETTINGS, 20, gone, 0),
    RECHECK_OWNERS: on(CLAIM_SETTINGS, 2 * FEW, some),
    WHOSE: on(CLAIM_SETTINGS, 4, run),
    SET_OWNER_OF_ONE: on(CLAIM_SETTINGS, 4, 1, run, 3),
    FEED_ROWS: on(INTERACTIVE_SETTINGS, FEW + 1, feedPosition, FEW),
    FEED_END: on(INTERACTIVE_SETTINGS, 2),
    FEED_EVENTS: {
      ...on(
        INTERACTIVE_SETTINGS,
        3 * FEW,
        some,
        attempts,
        attempts.map(() => 2),
      ),
      sorts: 'the events of one page',
    },
    FORGET_FOREIGN: one(),
    WRITE_LOGS: few(logColumns(some, tasks, attempts)),
    LOG_POSITION: on(READ_SETTINGS, 2, volume.parent, 't2', 1),
    // Once when a job is found again: its whole log, which is bounded.
    LOG_SIZE: on(READ_SETTINGS, 10_001, volume.parent, 't2', 1),
    LOG_CURSOR: on(READ_SETTINGS, 2, volume.parent, 't2', 1),
    FORGET_OLD: on(INTERACTIVE_SETTINGS, 3 * FEW),
    BEGIN: one('key-of-nobody', FRESH, 'f'),
    FIND: on(INTERACTIVE_SETTINGS, 2, 'key-77'),
    FINISH: on(INTERACTIVE_SETTINGS, 2, 'key-77', 200, 't', null, '{}'),
    INTERRUPT: on(INTERACTIVE_SETTINGS, 2, 'key-77'),
  };
}

function logColumns(
  runs: readonly string[],
  words: readonly string[],
  ones: readonly number[],
): readonly unknown[] {
  const position = ones.map(() => 77);
  return [runs, words, ones, position, words, ones, words, ones.map(() => null)];
}

function loadCases(
  volume: Volume,
  run: string,
  some: readonly string[],
): Readonly<Record<string, Case>> {
  return {
    LOAD_RUN: on(READ_SETTINGS, 2, run),
    LOAD_EVENTS: on(READ_SETTINGS, FEW, run, -1, FEW),
    LOAD_RUNS: on(READ_SETTINGS, 2 * FEW, some),
    LOAD_EVENTS_OF_RUNS: on(READ_SETTINGS, FEW + 2, some, FRESH.replace('0fff', '0000'), -1, FEW),
    ACTIVE: on(READ_SETTINGS, FEW, 2, FRESH.replace('0fff', '0000'), FEW),
    DUE: on(READ_SETTINGS, FEW, 2, NOW_MS, FEW),
    NEXT_WAKE: on(READ_SETTINGS, 2, 2, 0),
    BY_PREFIX: on(INTERACTIVE_SETTINGS, 2, run, run.replace(/.{6}$/, 'ffffff')),
    CANCELLING_ABOVE: on(INTERACTIVE_SETTINGS, 4, volume.idOf(40)),
    MARKED: on(INTERACTIVE_SETTINGS, volume.tasks + 2, run, '"request":"x"'),
  };
}

function retentionCases(
  volume: Volume,
  some: readonly string[],
  feedPosition: string,
): Readonly<Record<string, Case>> {
  const { bulk } = volume;
  const scope = [NONE, NONE, NONE, NONE, 1];
  const nil = FRESH.replace('0fff', '0000');
  const child = volume.idOf(157);
  return {
    FIND_RETENTION: one(FRESH),
    RETENTIONS: on(INTERACTIVE_SETTINGS, PAGE, PAGE),
    RETENTIONS_AFTER: on(INTERACTIVE_SETTINGS, PAGE, PAGE, NOW_MS, FRESH),
    ADD_RETENTION: one(FRESH, ...scope),
    LOCK_RETENTION: one(FRESH),
    NOTE_PORTION: one(FRESH, NONE, NONE, true),
    FAIL_RETENTION: one(FRESH, 'no'),
    CANCEL_RETENTION: one(FRESH),
    CLAIM_RETENTIONS: on(INTERACTIVE_SETTINGS, 20, 1, 1),
    MEMBERS_OF: on(INTERACTIVE_SETTINGS, 4 * FEW, some, FEW),
    LAST_END: on(INTERACTIVE_SETTINGS, 10, [child]),
    CHILDLESS: on(INTERACTIVE_SETTINGS, 10, [child], FEW),
    NEXT_MEMBERS: {
      ...on(INTERACTIVE_SETTINGS, 10, [child], nil, FEW),
      sorts: 'members of one family',
    },
    EVENTS_OF: on(INTERACTIVE_SETTINGS, 2 * FEW, some),
    LOGS_OF: on(INTERACTIVE_SETTINGS, 2 * FEW, some),
    LOCK_OVER: on(INTERACTIVE_SETTINGS, 2 * FEW, some, NOW_MS),
    BULKS_OVER: on(INTERACTIVE_SETTINGS, 2, 0, nil, NOW_MS),
    BULK_RUNS: on(INTERACTIVE_SETTINGS, FEW, bulk, FEW),
    DELETE_BULK_RUNS: on(INTERACTIVE_SETTINGS, 2 * FEW, bulk, some),
    DELETE_BULK: on(INTERACTIVE_SETTINGS, 2, bulk.replace(/1$/, '3')),
    ARCHIVED_RUNS: on(INTERACTIVE_SETTINGS, 2 * FEW, some),
    ARCHIVED_EVENTS: on(INTERACTIVE_SETTINGS, 5 * FEW, some, nil, -1, FEW),
    ARCHIVED_LOGS: on(INTERACTIVE_SETTINGS, 5 * FEW, some, nil, '', 0, 0, FEW),
    ARCHIVED_BULK: one(bulk),
    ARCHIVED_BULK_RUNS: on(INTERACTIVE_SETTINGS, 2 * FEW, bulk, some),
    FEED_GONE: one(feedPosition, 1),
    FORGET_FOREIGN_START: one(),
    FEED_OLDEST: on(INTERACTIVE_SETTINGS, FEW + 2, '0', FEW),
    FEED_AGES: on(
      INTERACTIVE_SETTINGS,
      2 * FEW,
      some,
      some.map(() => 0),
      NOW_MS,
    ),
    FEED_CUT: on(INTERACTIVE_SETTINGS, 2, feedPosition),
    FEED_START: one(feedPosition, 1),
    // A run with four events, and of every third one a piece of log.
    DELETE_RUNS: on(`${INTERACTIVE_SETTINGS}; set tutti.retention = 'on'`, 6 * FEW, some, some),
  };
}

/** As many rows as there are nodes, or processes of the server. */
function nodeCases(): Readonly<Record<string, Case>> {
  const nodes = 12;
  return {
    GONE: on(CLAIM_SETTINGS, 3 * nodes),
    COUNT_GONE: on(CLAIM_SETTINGS, 3 * nodes),
    UNKNOWN_OWNERS: on(CLAIM_SETTINGS, 4 * nodes),
    STILL_GONE: few([4], nodes),
    GIVE_LEASES: { values: [], reads: 2 * nodes, sorts: 'one row of each node' },
    LINEAGE: { values: [], reads: 0 },
    BACKEND: { values: [1], reads: 0, sorts: 'sessions of the server' },
    NODES: {
      values: [],
      reads: 40_000,
      session: INTERACTIVE_SETTINGS,
      sorts: 'one row of each node; open runs are counted to a limit',
    },
    NODE_KEY: few([], 1),
    INTRODUCE: one('n1'),
    FIND_NODE: few(['n1'], nodes),
    TERMINATE_STALE_SESSION: { values: [1, 1], reads: 0 },
    RAISE: few([1, 'h', 1, null], nodes),
    LEASE: few([1, 1], nodes),
    RENEW: few([1, 1, 1], 3 * nodes),
    LOCK_LEASE: few([1], nodes),
    RESIGN: few([1, 1], nodes),
    STILL_MINE: few([1, 1], nodes),
    EXPIRED: { ...few([1], nodes), sorts: 'one row of each node' },
    RAISE_EXPIRED: few([[1]], nodes),
    RELEASE_LEASES: few([[1]], nodes),
    APPLIED: { ...few([], 100), sorts: 'one row of each migration' },
    RECORD: one(9_999, 'x'),
  };
}

function poolCases(
  some: readonly string[],
  tasks: readonly string[],
  attempts: readonly number[],
): Readonly<Record<string, Case>> {
  const pools = some.map((_, n) => `p${n + 1}`);
  return {
    OWN_NAMES: on(READ_SETTINGS, 2 * FEW, pools),
    LOCK_POOLS: { ...on(READ_SETTINGS, 2 * FEW, pools), sorts: 'the pools that are asked for' },
    SWEEP_SLOTS: { ...on(READ_SETTINGS, 60, ['p1', 'p2']), sorts: POOL_ROWS },
    HELD_SLOTS: { ...on(READ_SETTINGS, 40, ['p1', 'p2']), sorts: POOL_ROWS },
    ACQUIRE_SLOTS: few([some, tasks, attempts.map(() => 9), pools, attempts]),
    RELEASE_SLOTS: on(READ_SETTINGS, 2 * FEW, some, tasks, attempts),
    RELEASE_OTHER_SLOTS: on(READ_SETTINGS, 4, some[0], ['t1'], [1]),
    POOLS: few([], 3_000),
    SET_PRIVATE_POOL: one('p1', 2, 'w1'),
    LEAVE_SHARED_POOLS: few(['w1'], 400),
    INTRODUCE_POOL: one('p1', 2),
    LOCK_POOL: on(READ_SETTINGS, 4, 'p1'),
    SET_SHARED_POOL: on(READ_SETTINGS, 4, 'p1', 2, null, null, 1),
    ADD_POOL_VERSION: one('p1', 9_999, 2, 's', 1, NONE),
  };
}

function versionCases(): Readonly<Record<string, Case>> {
  return {
    INTRODUCE_WORKFLOW: one('w1'),
    NEWEST_OF: one(['w1', 'w2']),
    LOCK_WORKFLOW: one('w1'),
    SAME_VERSION: one('w0', 700, 's', NONE, '/', 1),
    ADD_VERSION: one('w0', 9_999, NONE, 's', '/', 1, NONE),
    NAME_NEWEST: one('w1', 2, null, null, 1),
    FIND_VERSION: one('w0', 700),
    FIND_NEWEST: on(READ_SETTINGS, 2, 'w0'),
    VERSIONS: on(INTERACTIVE_SETTINGS, PAGE, 'w0', 1_500, PAGE),
    WORKFLOWS: on(INTERACTIVE_SETTINGS, PAGE + 1, 'w1', PAGE),
  };
}

function bulkCases({ bulk }: Volume, some: readonly string[]): Readonly<Record<string, Case>> {
  return {
    FIND_BULK: one(bulk),
    BULKS: on(INTERACTIVE_SETTINGS, PAGE, PAGE),
    BULKS_AFTER: on(INTERACTIVE_SETTINGS, PAGE, PAGE, NOW_MS, bulk),
    ADD_BULK: one(FRESH, 'hold', NONE, NONE, 1),
    SET_TOTAL: one(bulk, 7),
    OPEN_RUNS: on(READ_SETTINGS, FEW + 1, bulk, FEW),
    NOTE_OUTCOMES: on(
      READ_SETTINGS,
      4 * FEW,
      bulk,
      some,
      some.map(() => 'done'),
      some.map(() => null),
    ),
    CANCEL_BULK: one(bulk),
    CLAIM_BULKS: on(READ_SETTINGS, 20, 1, 1),
    REFUSALS: on(INTERACTIVE_SETTINGS, 3, bulk, FEW),
  };
}

/** Every combination of what a list of runs can be asked for, with what is common, rare, old or not there. */
export function filtersOf(volume: Volume): readonly (readonly [string, BulkFilter])[] {
  const quarter = volume.createdAt(Math.floor(volume.runs / 4));
  const half = volume.createdAt(Math.floor(volume.runs / 2));
  const any = { '': {} };
  const axes: readonly Readonly<Record<string, BulkFilter>>[] = [
    {
      ...any,
      'a workflow': { workflow: 'w7' },
      'a workflow of long ago': { workflow: 'of-long-ago' },
      'a rare workflow': { workflow: 'now-and-then' },
    },
    {
      ...any,
      running: { statuses: ['running'] },
      succeeded: { statuses: ['succeeded'] },
      held: { statuses: ['held'] },
      troubled: { statuses: ['failed', 'timed-out', 'cancelled'] },
      'every status': { statuses: RUN_STATUSES },
    },
    { ...any, children: { parent: volume.parent } },
    { ...any, 'a key': { key: 'k400' }, 'a shared key': { key: 'shared' } },
    { ...any, 'a date': { businessDate: volume.dateOf(Math.floor(volume.runs / 3)) } },
    { ...any, 'a time': { from: quarter, until: half }, 'until long ago': { until: quarter } },
  ];
  return axes.reduce<readonly (readonly [string, BulkFilter])[]>(
    (found, axis) =>
      found.flatMap(([words, filter]) =>
        Object.entries(axis).map(
          ([word, more]) =>
            [word === '' ? words : `${words}, ${word}`, { ...filter, ...more }] as const,
        ),
      ),
    [['runs', {}]],
  );
}

function isAmongChildren({ parent, key, workflow, businessDate }: BulkFilter): boolean {
  return parent !== undefined && key === undefined && (workflow ?? businessDate) !== undefined;
}

/** Pages: the first, one from the middle, one that ends among the oldest. */
function listCases(volume: Volume): MadeCase[] {
  const places = [undefined, volume.runs / 2, 77].map((n) =>
    n === undefined ? {} : { after: writeCursor([volume.createdAt(n), volume.idOf(n)]) },
  );
  return filtersOf(volume).flatMap(([name, filter]) =>
    places.map((place, n): MadeCase => {
      const asked: RunFilter = { ...filter, ...place, limit: PAGE };
      const page = isAmongChildren(filter) ? CHILDREN_SCANNED : PAGE;
      const sorted = filter.key !== undefined && { sorts: 'one run of each workflow has a key' };
      const reads = page + RUN_STATUSES.length + 1;
      const words = `${name}, page ${n + 1}`;
      return {
        name: words,
        maker: 'runsStatement',
        ...runsStatement(asked),
        reads,
        session: INTERACTIVE_SETTINGS,
        ...sorted,
      };
    }),
  );
}

/** What they read is what they find; `found` of the test says how much that is. */
function bulkCounts(volume: Volume): MadeCase[] {
  const sorted = { sorts: 'one run of each workflow has a key' };
  return filtersOf(volume)
    .filter(([, filter]) => filter.statuses !== undefined || filter.key !== undefined)
    .flatMap(([name, filter]) => [
      { name, maker: 'countStatement', ...countStatement(filter), reads: Infinity, ...sorted },
      {
        name,
        maker: 'noteStatement',
        ...noteStatement(filter, volume.bulk.replace(/1$/, '2')),
        reads: Infinity,
        ...sorted,
      },
    ])
    .map((made) => ({ ...made, session: INTERACTIVE_SETTINGS }));
}

function logCases(volume: Volume): MadeCase[] {
  const run = volume.parent;
  const position = writeCursor([1, 5_000]);
  return [
    { run, limit: PAGE },
    { run, limit: PAGE, after: writeCursor([70_000]) },
    { run, limit: PAGE, task: 't2' },
    { run, limit: PAGE, task: 't2', after: position },
    { run, limit: PAGE, task: 't2', attempt: 2 },
    { run, limit: PAGE, task: 't2', attempt: 2, after: position },
  ].map((filter) => ({
    name: Object.keys(filter).join(', '),
    maker: 'logsStatement',
    ...logsStatement(filter),
    reads: PAGE + 1,
    session: INTERACTIVE_SETTINGS,
  }));
}

function appendCases(volume: Volume): MadeCase[] {
  const some = numbers(FEW).map((n) => volume.idOf(n * 100));
  const fresh = numbers(FEW).map((n) => FRESH.replace(/..$/, String(10 + n)));
  const starts = fresh.map((id) => startRow(id));
  const events = some.map((run) => eventRow(run, 999));
  const updates = some.map((run) => updateRow(run));
  const parts = { starts, events, updates };
  return [
    { starts },
    { events },
    { updates },
    parts,
    { ...parts, starts: starts.map((start) => ({ ...start, unowned: true })) },
  ].map((each) => {
    const { text, values } = appendStatement({ node: 1, epoch: 1 }, batch(each));
    const name = Object.keys(each).join(' and ');
    return {
      name,
      maker: 'appendStatement',
      text,
      values,
      reads: 3 * FEW,
      session: APPEND_SETTINGS,
    };
  });
}

function candidateCases(volume: Volume): MadeCase[] {
  return [null, 'w7', 'of-long-ago'].map((workflow) => ({
    name: `of ${workflow ?? 'all'}`,
    maker: 'candidatesStatement',
    ...candidatesStatement(workflow, BEGINNING, volume.now),
    reads: 2 * CANDIDATES + RUN_STATUSES.length + 1,
    session: INTERACTIVE_SETTINGS,
  }));
}

/** Statements that are made of parts. */
export function madeCases(volume: Volume): readonly MadeCase[] {
  return [
    ...listCases(volume),
    ...bulkCounts(volume),
    ...candidateCases(volume),
    ...logCases(volume),
    ...appendCases(volume),
  ];
}
