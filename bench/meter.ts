/**
 * What processes have used, as the kernel counts it: a process with all of its children, those
 * that have ended included. Linux only; elsewhere nothing is known, and the table says so.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** The unit of /proc/PID/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Used {
  readonly pid: number;
  readonly parent: number;
  readonly cpuSeconds: number;
}

function used(pid: string): Used | undefined {
  const line = read(`/proc/${pid}/stat`);
  if (line === undefined) return undefined;
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((total, field) => total + Number(fields[field]), 0);
  return { pid: Number(pid), parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}

function family(root: number): Used[] {
  const all = pids().flatMap((pid) => used(pid) ?? []);
  const members = new Set([root]);
  for (let size = 0; size !== members.size; ) {
    size = members.size;
    for (const each of all) if (members.has(each.parent)) members.add(each.pid);
  }
  return all.filter(({ pid }) => members.has(pid));
}

function pids(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

export function cpuSecondsOf(roots: readonly number[]): number {
  return sum(roots, (each) => each.cpuSeconds);
}

export function memoryOf(pid: number): { readonly nowBytes: number; readonly mostBytes: number } {
  const text = read(`/proc/${pid}/status`) ?? '';
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
  return { nowBytes: field('VmRSS'), mostBytes: field('VmHWM') };
}

/** Of servers with many processes: memory that they share counts once. */
export function sharedBytesOf(roots: readonly number[]): number {
  return sum(roots, ({ pid }) => {
    const text = read(`/proc/${pid}/smaps_rollup`) ?? '';
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  });
}

function sum(roots: readonly number[], of: (each: Used) => number): number {
  return roots.flatMap(family).reduce((total, each) => total + of(each), 0);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
