/** Results as a table: medians over the rounds, and how many times better Tutti is. */
import type { Entry } from './contestants.ts';
import { median } from './meter.ts';
import type { Figures, Workload } from './workload.ts';

/** One contestant in one workload, once per round. */
export interface Result {
  readonly workload: Workload;
  readonly entry: Entry;
  readonly rounds: readonly Figures[];
  /** Why there is nothing. */
  readonly absent?: string;
}

const COLUMNS = [
  '',
  'amount',
  'tasks/s',
  'p50 ms',
  'p99 ms',
  'Tutti is better',
  'engine CPU s',
  'server CPU s',
  'WAL B',
  'engine MB',
  'server MB',
] as const;

export function table(results: readonly Result[]): string {
  const lines: string[][] = [[...COLUMNS]];
  const notes: string[] = [];
  for (const workload of new Set(results.map((result) => result.workload))) {
    lines.push([`${workload.id}: ${workload.title}`]);
    const group = results.filter((result) => result.workload === workload);
    const tutti = group[0];
    for (const result of group) {
      lines.push(lineOf(result, tutti));
      const note = result.rounds.at(-1)?.note;
      if (note !== undefined) notes.push(`${workload.id} ${result.entry.name}: ${note}`);
    }
  }
  return [...aligned(lines), '', ...notes].join('\n');
}

function lineOf(result: Result, tutti: Result | undefined): string[] {
  const { entry, rounds } = result;
  const [first] = rounds;
  if (first === undefined) return [`  ${entry.name}`, result.absent ?? 'no result'];
  const of = (field: (figures: Figures) => number | null): number =>
    median(rounds.map((each) => field(each) ?? Number.NaN));
  const perThousand = (field: 'engineCpuSeconds' | 'serverCpuSeconds'): string =>
    digits(of((each) => (each[field] / each.tasks) * 1_000));
  return [
    `  ${entry.name}`,
    first.amount,
    Math.round(of((each) => each.perSecond)).toLocaleString('en'),
    digits(of((each) => each.p50Ms)),
    digits(of((each) => each.p99Ms)),
    result === tutti ? '' : ratio(result, tutti),
    perThousand('engineCpuSeconds'),
    perThousand('serverCpuSeconds'),
    whole(of((each) => (each.walBytes === null ? null : each.walBytes / each.tasks))),
    whole(of((each) => each.engineBytes / 1e6)),
    whole(of((each) => each.serverBytes / 1e6)),
  ];
}

/** Above 1 Tutti is better, whichever way the figure goes. */
function ratio(result: Result, tutti: Result | undefined): string {
  if (tutti === undefined || tutti.rounds.length === 0) return '';
  const theirs = median(result.rounds.map((each) => each.compared));
  const ours = median(tutti.rounds.map((each) => each.compared));
  const times = result.workload.better === 'more' ? ours / theirs : theirs / ours;
  return Number.isFinite(times) ? `${times.toPrecision(3)}×` : '';
}

function digits(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '';
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '';
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const full = lines.filter((line) => line.length === COLUMNS.length);
  const names = lines.filter((line) => line.length > 1).map(([name = '']) => name.length);
  const widths = COLUMNS.map((_, i) =>
    Math.max(...(i === 0 ? names : full.map((line) => line[i]?.length ?? 0))),
  );
  return lines.map((line) => {
    if (line.length === 1) return `\n${line[0]}`;
    const cells = line.map((cell, i) =>
      i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    return cells.join('  ').trimEnd();
  });
}
