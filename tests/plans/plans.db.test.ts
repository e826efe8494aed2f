/**
 * Every statement of the journal is proved by its plan at a size where the planner cares: no table
 * that grows is read from end to end, nothing unbounded is sorted, and what is read is what is
 * asked for. The list of statements comes from the folder (`statements.ts`).
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BULK_MAX, type BulkFilter } from '../../journal/bulks.ts';
import type { Journal } from '../../journal/journal.ts';
import { openTestbed, type Testbed } from '../../journal/testbed.ts';
import { RUN_STATUSES } from '../../model/run.ts';
import { type Case, madeCases, type MadeCase, plainCases } from './cases.ts';
import { type Deed, explain } from './explain.ts';
import { allStatements, type Statements } from './statements.ts';
import { fillVolume, type Volume } from './volume.ts';

const RUNS = Number(process.env['TUTTI_PLAN_RUNS'] ?? 200_000);
const NOW = Date.UTC(2026, 5, 1);
const GROWING = new Set(
  'runs events task_logs feed requests bulks bulk_runs slots workflows versions retentions'.split(
    ' ',
  ),
);
const HOW =
  'give each a line in tests/plans/cases.ts: what it is asked, and how many rows it may read';
/** A row costs its own page and some of its index; a statement some of each table. */
const PAGES_PER_ROW = 6;
const PAGES = 150;

let bed: Testbed;
let journal: Journal;
let client: pg.Client;
let volume: Volume;
let statements: Statements;
let position: string;
beforeAll(async () => {
  bed = await openTestbed();
  const opened = await bed.journal();
  ({ journal } = opened);
  const { connection } = opened;
  client = await bed.client(connection);
  volume = await fillVolume(client, { runs: RUNS, tasks: 2, orphans: true }, NOW);
  statements = await allStatements();
  const { rows } = await client.query<{ xid: string }>(
    'select min(xid::text::bigint) as xid from feed',
  );
  position = String(rows[0]?.xid);
}, 120_000);
afterAll(() => bed.close(), 60_000);

let session = '';
async function ask(text: string, each: Case): Promise<Deed> {
  if (session !== (each.session ?? '')) {
    session = each.session ?? '';
    await client.query(`reset all; ${session}`);
  }
  return explain(client, text, each.values);
}

/** What is wrong with what it did, in words; nothing is right. */
function faults(name: string, deed: Deed, each: Case): string[] {
  const scanned = deed.scanned.filter((table) => GROWING.has(table));
  const pages = PAGES + PAGES_PER_ROW * each.reads;
  const found = [
    scanned.length > 0 && `reads ${scanned.join()} from end to end`,
    deed.rowsRead > each.reads && `reads ${deed.rowsRead} rows, not ${each.reads}`,
    deed.pagesRead > pages && `reads ${deed.pagesRead} pages, not ${pages}`,
    deed.rowsSorted > 0 && each.sorts === undefined && `sorts ${deed.rowsSorted} rows`,
  ].filter((words) => words !== false);
  return found.length === 0 ? [] : [`${name} ${found.join(', ')}:\n${deed.plan}`];
}

describe('the list of statements', () => {
  it('is whole: no SQL stands where nobody can ask for its plan', () => {
    const how =
      'make it an exported constant, or let an exported function called …Statement make it';
    expect({ how, hidden: statements.hidden }).toEqual({ how, hidden: [] });
    expect(statements.texts.size).toBeGreaterThan(70);
  });

  it('has a case for each, and no case has lost its statement', () => {
    const known = Object.keys(plainCases(volume, position));
    const made = new Set(madeCases(volume).map(({ maker }) => maker));
    const missing = [
      ...[...statements.texts.keys()].filter((name) => !known.includes(name)),
      ...statements.makers.filter((name) => !made.has(name)),
    ];
    const ofNothing = known.filter((name) => !statements.texts.has(name));
    expect({ HOW, missing, ofNothing }).toEqual({ HOW, missing: [], ofNothing: [] });
  });
});

describe('at volume', () => {
  it('a constant statement reads what it is asked for', async () => {
    const wrong: string[] = [];
    for (const [name, each] of Object.entries(plainCases(volume, position))) {
      const deed = await ask(statements.texts.get(name) ?? '', each);
      wrong.push(...faults(name, deed, each));
    }
    expect(wrong.join('\n')).toBe('');
  }, 120_000);

  it('lists and logs under every filter read what they are asked for', async () => {
    const wrong: string[] = [];
    for (const each of madeCases(volume).filter(({ reads }) => reads < Infinity)) {
      wrong.push(...faults(`${each.maker} ${each.name}`, await ask(each.text, each), each));
    }
    expect(wrong.slice(0, 10).join('\n')).toBe('');
  }, 120_000);

  it('counts read what they find, to a limit', async () => {
    const wrong: string[] = [];
    for (const each of madeCases(volume).filter(({ reads }) => reads === Infinity)) {
      if (each.maker !== 'countStatement') continue;
      wrong.push(...(await countFaults(each)));
    }
    expect(wrong.slice(0, 10).join('\n')).toBe('');
  }, 120_000);
});

async function countFaults(each: MadeCase): Promise<string[]> {
  const deed = await ask(each.text, each);
  const { rows } = await client.query<{ looked: number }>(each.text, [...each.values]);
  const looked = rows[0]?.looked ?? 0;
  expect(looked).toBeLessThanOrEqual(BULK_MAX + 1);
  return faults(each.name, deed, { ...each, reads: looked + RUN_STATUSES.length + 40 });
}

describe('what is read in pages', () => {
  const found = async (where: string): Promise<string[]> => {
    const text = `select id from runs where ${where} order by created_at desc, id desc`;
    return (await client.query<{ id: string }>(text)).rows.map(({ id }) => id);
  };
  const paged = async (filter: BulkFilter, limit: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const place = after === undefined ? {} : { after };
      const page = await journal.views.runs({ ...filter, ...place, limit });
      expect(page.items.length).toBeLessThanOrEqual(limit);
      ids.push(...page.items.map(({ id }) => id));
      if (page.next === null) return ids;
      after = page.next;
    }
  };

  it('is what the filter finds, once and in order', async () => {
    const { parent } = volume;
    const date = volume.dateOf(1_000);
    const [from, until] = [volume.createdAt(1_000), volume.createdAt(3_000)];
    const time = `created_at >= to_timestamp(${from / 1_000}) and created_at < to_timestamp(${until / 1_000})`;
    const cases: readonly (readonly [BulkFilter, string])[] = [
      [{ workflow: 'of-long-ago' }, `workflow = 'of-long-ago'`],
      [
        { workflow: 'w7', statuses: ['failed', 'held'] },
        `workflow = 'w7' and status in ('failed', 'held')`,
      ],
      [{ parent, workflow: 'w40' }, `parent_run = '${parent}' and workflow = 'w40'`],
      [{ parent, businessDate: date }, `parent_run = '${parent}' and business_date = '${date}'`],
      [{ key: 'shared' }, `key = 'shared'`],
      [{ businessDate: date, from, until }, `business_date = '${date}' and ${time}`],
      [{ from, until }, time],
    ];
    for (const [filter, where] of cases) {
      const ids = await found(where);
      expect({ where, ids: await paged(filter, 37) }).toEqual({ where, ids });
      expect(await journal.bulks.count(filter)).toBe(ids.length);
    }
  }, 120_000);

  it('is not counted, and not commanded, beyond a limit', async () => {
    const lease = await journal.register('main', 60_000, null);
    const filter: BulkFilter = { statuses: ['succeeded'] };
    const bulk = {
      id: volume.bulk.replace(/^0/, '1'),
      verb: 'hold',
      filter,
      by: { actor: 'tester' },
    };
    const refused = { created: false, total: BULK_MAX + 1 };
    expect(await journal.bulks.count(filter)).toBe(BULK_MAX + 1);
    expect(await journal.bulks.create(lease, bulk)).toEqual(refused);
    expect(await journal.bulks.find(bulk.id)).toBeNull();
  }, 60_000);
});
