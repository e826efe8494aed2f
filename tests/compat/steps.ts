/** What is tried, each step in a process of its own with a limit, and what it says at its end. */
import { delimiter } from 'node:path';
import { runChild } from '../child.ts';
import type { Program } from './programs.ts';

export type Step = 'build' | 'unit' | 'demo' | 'kill';

export interface Result {
  readonly passed: boolean;
  /** The line that says it: `1,930 passed`. */
  readonly said: string;
  readonly seconds: number;
}

export interface Row {
  readonly node: string;
  readonly postgres: string;
  readonly results: Partial<Record<Step, Result>>;
}

interface Plan {
  readonly words: readonly string[];
  readonly limitMs: number;
  /** Finds what it says in what it printed. */
  readonly said: RegExp;
}

const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'pure', '--project', 'unit'];
const PLANS: Record<Step, Plan> = {
  // By force: another Node has built this copy before.
  build: {
    words: ['node_modules/typescript/bin/tsc', '-b', '--force'],
    limitMs: 300_000,
    said: /$/,
  },
  unit: { words: VITEST, limitMs: 1_200_000, said: /Tests +(.*passed.*)/ },
  demo: {
    words: ['examples/certificate-of-completion/demo.js'],
    limitMs: 300_000,
    said: /.*\S(?=\s*$)/,
  },
  kill: {
    words: ['dist/tests/chaos/main.js', '--rounds', '10'],
    limitMs: 600_000,
    said: /.*\blost\b.*/,
  },
};

/** Runs it with that Node, in the copy that has that PostgreSQL. */
export async function runStep(step: Step, node: Program, copy: Program): Promise<Result> {
  const { words, limitMs, said } = PLANS[step];
  const path = [node.folder, process.env['PATH'] ?? ''].join(delimiter);
  const begun = performance.now();
  const where = { cwd: copy.folder, limitMs, env: { PATH: path } };
  const ended = await runChild('node', words, where);
  const seconds = Math.round((performance.now() - begun) / 1_000);
  const found = said.exec(ended.out);
  const result = {
    passed: ended.code === 0,
    said: (found?.[1] ?? found?.[0] ?? '').trim(),
    seconds,
  };
  const about = `Node ${node.version}, PostgreSQL ${copy.version}, ${step}`;
  console.log(`${about}: ${result.passed ? 'passed' : 'FAILED'} in ${seconds} s. ${result.said}`);
  if (!result.passed) console.log(`${ended.out.slice(-6_000)}\n${ended.err.slice(-4_000)}`);
  return result;
}

export function passed({ results }: Row): boolean {
  return Object.values(results).every((result) => result.passed);
}
