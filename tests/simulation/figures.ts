/** The figures of simulated seeds, and a broken seed, for people. */
import { FAULTS } from './faults.ts';
import { LAWS } from './laws.ts';
import type { Report } from './simulation.ts';
import type { Difference } from './trace.ts';

const TAIL = 30;

export class Figures {
  seeds = 0;
  steps = 0;
  #runs = 0;
  #events = 0;
  #violations = 0;
  readonly #faults = new Map<string, number>();
  readonly #looks = new Map<string, number>();
  readonly #nodes = new Map<number, number>();
  readonly #since = performance.now();

  add(report: Report): void {
    this.seeds += 1;
    this.steps += report.steps;
    this.#runs += report.runs;
    this.#events += report.events;
    if (report.breach !== undefined) this.#violations += 1;
    for (const [kind, count] of report.faults) sum(this.#faults, kind, count);
    for (const [law, count] of report.looks) sum(this.#looks, law, count);
    sum(this.#nodes, report.nodes, 1);
  }

  /** Each seed is played twice, and counted once. */
  line(): string {
    const rate = Math.round((2 * this.steps * 1_000) / (performance.now() - this.#since));
    return `${this.steps} steps of ${this.seeds} seeds, ${this.#violations} violations, ${rate} steps/s`;
  }

  lines(): string[] {
    const faults = FAULTS.map((kind) => `${kind} ${this.#faults.get(kind) ?? 0}`);
    const looks = LAWS.map((law) => `${law} ${this.#looks.get(law) ?? 0}`);
    const nodes = [...this.#nodes].toSorted(([a], [b]) => a - b);
    return [
      this.line(),
      `nodes         ${nodes.map(([count, seeds]) => `${count}: ${seeds} seeds`).join(', ')}`,
      `runs          ${this.#runs}, ${this.#events} events`,
      `faults        ${faults.join(', ')}`,
      `laws looked at ${looks.join(', ')}`,
    ];
  }
}

function sum<K>(counts: Map<K, number>, key: K, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** What is wrong with a seed, in lines; undefined when nothing is. */
export function breachOf(
  report: Report,
  difference: Difference | undefined,
  shape: { readonly nodes?: number; readonly steps?: number } = {},
): string[] | undefined {
  const { breach, trace, seed, steps } = report;
  const { nodes, steps: storm } = shape;
  const more = `${nodes === undefined ? '' : ` --nodes ${nodes}`}${storm === undefined ? '' : ` --steps ${storm}`}`;
  const replay = `play it again: npm run simulate -- --seed ${seed} --seeds 1${more}`;
  if (breach !== undefined) {
    const words = `seed ${seed}, step ${steps}: the law ${breach.law} is broken: ${breach.message}`;
    return [...trace.tail(TAIL), words, replay];
  }
  if (difference === undefined) return undefined;
  const { step, first, second } = difference;
  return [
    `seed ${seed} is not the same twice. The first difference is in line ${step}:`,
    `  first   ${first}`,
    `  second  ${second}`,
    replay,
  ];
}
