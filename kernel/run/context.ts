/** What the kernel is given beside state and command: time, chance and versions (law 12). */
import type { Refusal, RunEvent } from '../../model/run.ts';
import type { PreparedVersion } from './version.ts';

/** Gives a version that is ready; the engine has it at hand before the kernel asks. */
export type VersionLookup = (workflow: string, version: number) => PreparedVersion;

export interface Context {
  readonly now: number;
  /** 0 ≤ chance < 1, for jitter. */
  readonly chance: () => number;
  readonly versions: VersionLookup;
  /** So many events follow by themselves from a command before others have their turn. */
  readonly settledAtOnce?: number;
}

export type Decision = readonly RunEvent[] | Refusal;
