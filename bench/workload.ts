/**
 * What a workload is: a question, the work that answers it, and the figures of the answer. Each
 * stands in a file of its own; `workloads.ts` lists them.
 */
import type { Contestant } from './contestant.ts';
import type { Entry } from './contestants.ts';
import type { Measure, Stage } from './stage.ts';

export interface Figures {
  /** What was done: `1,000 runs`. */
  readonly amount: string;
  readonly tasks: number;
  /** The figure by which contestants are compared, and whether more of it is better. */
  readonly compared: number;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly engineCpuSeconds: number;
  readonly serverCpuSeconds: number;
  readonly walBytes: number | null;
  readonly engineBytes: number;
  readonly serverBytes: number;
  /** What else there is to say. */
  readonly note?: string;
}

/** What this round has found so far: one workload may build on another. */
export interface Findings {
  /** Tasks per second of this contestant in W1. */
  readonly chainRate: number | undefined;
  /** Where the harness serves a page. */
  readonly pageUrl: string;
  /** Says what is going on. */
  readonly say: (text: string) => void;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** What `compared` is, in words, and which way is better. */
  readonly compares: string;
  readonly better: 'more' | 'less';
  /** How many runs (or tasks) a contestant does that has no amount of its own. */
  readonly full: number;
  /** What a contestant must be able to do. */
  readonly needs: keyof Contestant;
  /** Runs come one at a time. */
  readonly alone?: true;
  /** Whom it is for: the engine and its peers, or the paths to systems. */
  readonly of: 'engines' | 'dispatch';
  play(stage: Stage, count: number, findings: Findings): Promise<Figures>;
}

export function countOf(workload: Workload, entry: Entry): number {
  return entry.amounts[workload.id] ?? workload.full;
}

export function used(measure: Measure) {
  const { engineCpuSeconds, serverCpuSeconds, walBytes, engineBytes, serverBytes } = measure;
  return { engineCpuSeconds, serverCpuSeconds, walBytes, engineBytes, serverBytes };
}

/** What is compared is the rate; there is no latency of one task. */
export function rated(measure: Measure, amount: string, tasks: number) {
  const perSecond = tasks / measure.seconds;
  return {
    ...used(measure),
    amount,
    tasks,
    compared: perSecond,
    perSecond,
    p50Ms: null,
    p99Ms: null,
  };
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
