/**
 * Lists of runs, the newest first, and counts of them, at any volume.
 *
 * No page sorts or scans: what a filter fixes (workflow, parent, business date) and the status
 * stand in front of the time in an index, so each status is a range that is read in the order of
 * the list. A list of several statuses, or of all, is a merge of their ranges: the server reads one
 * row of each, then as many as the page has. Which index serves which filter, and why they say
 * `version > …`: `0006` of the migrations. A key needs no order: at most one run of each workflow has it.
 *
 * What no index holds (a workflow or a date among the children of one run) is looked for among
 * the next so many children; such a page may be short, or empty, and still have a `next`.
 *
 * Counts, and the runs that a bulk command notes, end at `BULK_MAX`.
 */
import type pg from 'pg';
import { RUN_STATUSES, type RunStatus, type RunSummary } from '../../model/run.ts';
import { BULK_MAX, type BulkFilter } from '../bulks.ts';
import type { Page } from '../page.ts';
import { isRunId, type RunFilter } from '../runs.ts';
import { clampLimit, readCursor, writeCursor } from '../page.ts';
import { SUMMARY, summaryOf, type SummaryRow } from './runs.ts';

export interface RunsStatement {
  readonly text: string;
  readonly values: unknown[];
}

const COLUMNS = `id, created_at, ended_at, version, total, ended, failed, parent_attempt,
  parent_run, business_date, workflow, status, key, parent_task, "by", aside`;

/** How many children of a run one page looks at when not all of them are wanted. */
export const CHILDREN_SCANNED = 150;

/** The filter finds nothing, and need not trouble the database. */
export function findsNothing(filter: BulkFilter): boolean {
  return filter.parent !== undefined && !isRunId(filter.parent);
}

/** Of the index that a filter is for: see the migration `0006`. */
function rankOf({ workflow, parent, businessDate }: BulkFilter): number {
  if (parent !== undefined) return -5;
  if (businessDate !== undefined) return workflow === undefined ? -3 : -4;
  return workflow === undefined ? -1 : -2;
}

/** Whether rows of the ranges are looked through for what no index holds. */
function isFiltered({ parent, key, workflow, businessDate }: BulkFilter): boolean {
  const more = workflow !== undefined || businessDate !== undefined;
  return parent !== undefined && key === undefined && more;
}

function scannedRows(filter: RunFilter): number {
  return Math.max(clampLimit(filter.limit), isFiltered(filter) ? CHILDREN_SCANNED : 0);
}

/** The ranges of a filter, as a table of `columns`, not in any order. */
class Ranges {
  readonly values: unknown[] = [];
  readonly #filter: RunFilter | BulkFilter;
  readonly #columns: string;
  readonly #fixed: string[] = [];
  /** What is asked of the rows of the ranges, outside of them. */
  readonly rest: string[] = [];

  constructor(filter: RunFilter | BulkFilter, columns: string) {
    this.#filter = filter;
    this.#columns = columns;
    const { workflow, parent, businessDate, from, until } = filter;
    const rest = isFiltered(filter) ? this.rest : this.#fixed;
    if (parent !== undefined) this.#fixed.push(`parent_run = ${this.value(parent)}`);
    if (workflow !== undefined) rest.push(`workflow = ${this.value(workflow)}`);
    if (businessDate !== undefined) rest.push(`business_date = ${this.value(businessDate)}::date`);
    if (from !== undefined) this.#fixed.push(`created_at >= ${this.time(from)}`);
    this.#before(until, 'after' in filter ? filter.after : undefined);
  }

  /** One bound, the earlier: with two the server would begin at one and look for the other. */
  #before(until: number | undefined, after: string | undefined): void {
    const [createdAt, id] = after === undefined ? [Infinity] : readCursor(after, ['number', 'id']);
    if (id !== undefined && Number(createdAt) < (until ?? Infinity)) {
      const [at, run] = [this.time(Number(createdAt)), this.value(id)];
      this.#fixed.push(`(created_at, id) < (${at}, ${run}::uuid)`);
    } else if (until !== undefined) this.#fixed.push(`created_at < ${this.time(until)}`);
  }

  value(each: unknown): string {
    return `$${this.values.push(each)}`;
  }

  time(each: number): string {
    return `to_timestamp(${this.value(each)}::float8 / 1000)`;
  }

  text(order = ''): string {
    const { key, statuses } = this.#filter;
    const plain = `select ${this.#columns} from runs`;
    const all = statuses === undefined;
    if (key !== undefined) {
      const wanted = all ? [] : [`status = any(${this.value(statuses)}::text[])`];
      // `offset 0`: those of the key first, and then the rest is asked of them.
      const keyed = `(select ${COLUMNS} from runs where key = ${this.value(key)} offset 0) as keyed`;
      return `select ${this.#columns} from ${keyed}${whereOf([...this.#fixed, ...wanted])}`;
    }
    this.#fixed.push(`version > ${rankOf(this.#filter)}`);
    // Only a range that is asked for in order can be merged with others.
    const ranges = [...new Set<RunStatus>(statuses ?? RUN_STATUSES)].map(
      (status) =>
        `(${plain}${whereOf([`status = ${this.value(status)}`, ...this.#fixed])}${order})`,
    );
    return ranges.length === 0 ? `${plain} where false` : ranges.join('\nunion all\n');
  }
}

function whereOf(words: readonly string[]): string {
  return words.length === 0 ? '' : ` where ${words.join(' and ')}`;
}

/** The statement of a page, with one row more than it holds: is there a next one? */
export function runsStatement(filter: RunFilter): RunsStatement {
  const ranges = new Ranges(filter, COLUMNS);
  const through = isFiltered(filter);
  const fits = through ? `, ${ranges.rest.join(' and ')} as fits` : '';
  const limit = ranges.value(scannedRows(filter) + 1);
  const order = ` order by runs.created_at desc, runs.id desc limit ${limit}`;
  const text = ranges.text(order);
  return {
    text: `select ${SUMMARY}${fits} from (\n${text}\n) as runs${order}`,
    values: ranges.values,
  };
}

export async function listRuns(client: pg.Client, filter: RunFilter): Promise<Page<RunSummary>> {
  if (findsNothing(filter)) return { items: [], next: null };
  const { text, values } = runsStatement(filter);
  const { rows } = await client.query<SummaryRow & { readonly fits?: boolean }>(text, values);
  const size = clampLimit(filter.limit);
  const looked = scannedRows(filter);
  const seen = rows.slice(0, looked);
  const found = seen.filter(({ fits }) => fits !== false);
  const items = found.slice(0, size).map(summaryOf);
  // After the last one given, or else after the last one looked at.
  const last = found.length > size ? found[size - 1] : seen.at(-1);
  const more = found.length > size || rows.length > looked;
  if (!more || last === undefined) return { items, next: null };
  return { items, next: writeCursor([last.created_at, last.id]) };
}

/** How many runs it finds: `runs`, of so many that it `looked` at, at most one more than `BULK_MAX`. */
export function countStatement(filter: BulkFilter): RunsStatement {
  const through = isFiltered(filter);
  const ranges = new Ranges(filter, through ? 'workflow, business_date' : '1');
  const fits = through ? `count(*) filter (where ${ranges.rest.join(' and ')})` : 'count(*)';
  const text = ranges.text();
  const limit = ranges.value(BULK_MAX + 1);
  return {
    text: `select ${fits}::int as runs, count(*)::int as looked
from (select * from (\n${text}\n) as ranges limit ${limit}) as found`,
    values: ranges.values,
  };
}

/** Notes them for a bulk command; answers the same as the count, for the noted ones. */
export function noteStatement(filter: BulkFilter, bulk: string): RunsStatement {
  const through = isFiltered(filter);
  const ranges = new Ranges(filter, through ? 'id, workflow, business_date' : 'id');
  const text = ranges.text();
  const limit = ranges.value(BULK_MAX + 1);
  const into = ranges.value(bulk);
  // Too many are not written, only to be taken back.
  const noted = [...ranges.rest, `(select count(*) from found) <= ${BULK_MAX}`];
  return {
    text: `with found as materialized (select * from (\n${text}\n) as ranges limit ${limit}),
noted as (
  insert into bulk_runs (bulk, run) select ${into}::uuid, id from found${whereOf(noted)} returning run
)
select (select count(*)::int from noted) as runs, (select count(*)::int from found) as looked`,
    values: ranges.values,
  };
}
