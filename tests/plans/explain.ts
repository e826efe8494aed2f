/** What a statement did, by EXPLAIN ANALYZE, in a transaction that is rolled back. */
import type pg from 'pg';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

export interface Deed {
  /** Of tables: those returned and those thrown away. */
  readonly rowsRead: number;
  readonly pagesRead: number;
  readonly scanned: readonly string[];
  /** Rows that went into sorts. */
  readonly rowsSorted: number;
  readonly plan: string;
}

export async function explain(
  client: pg.Client,
  text: string,
  values: readonly unknown[],
): Promise<Deed> {
  await client.query('begin');
  try {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, buffers, timing off, format json) ${text}`,
      [...values],
    );
    const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (plan === undefined) throw new Error(`no plan: ${text}`);
    return deedOf(plan);
  } finally {
    await client.query('rollback');
  }
}

function rowsOf(node: PlanNode | undefined): number {
  return (node?.['Actual Rows'] ?? 0) * (node?.['Actual Loops'] ?? 0);
}

function deedOf(plan: PlanNode): Deed {
  let rowsRead = 0;
  let rowsSorted = 0;
  const scanned: string[] = [];
  const lines: string[] = [];
  const visit = (node: PlanNode, depth: number): void => {
    const loops = node['Actual Loops'] ?? 0;
    const kept = (node['Actual Rows'] ?? 0) * loops;
    const thrown =
      ((node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
      loops;
    const type = node['Node Type'];
    const table = node['Relation Name'];
    if (type.includes('Scan') && table !== undefined) rowsRead += kept + thrown;
    if (type === 'Seq Scan' && table !== undefined && loops > 0) scanned.push(table);
    if (type.includes('Sort')) rowsSorted += rowsOf(node.Plans?.[0]);
    const names = [type, table, node['Index Name']].filter((name) => name !== undefined).join(' ');
    lines.push(`${'  '.repeat(depth)}${names}: ${kept} rows, ${thrown} thrown away`);
    for (const below of node.Plans ?? []) visit(below, depth + 1);
  };
  visit(plan, 0);
  const pagesRead = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
  return { rowsRead, rowsSorted, pagesRead, scanned, plan: lines.join('\n') };
}
