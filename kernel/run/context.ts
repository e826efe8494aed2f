/** What the kernel is given beside state and command: time, chance and definitions (law 12). */
import type { Definition } from '../../model/definition.ts';
import type { Refusal, RunEvent } from '../../model/run.ts';

/** Gives the definition of a version; the engine has it at hand before it asks. */
export type Definitions = (workflow: string, version: number) => Definition;

export interface Context {
  readonly now: number;
  /** 0 ≤ chance < 1, for jitter. */
  readonly chance: () => number;
  readonly definitions: Definitions;
  /** So many events follow by themselves from a command before others have their turn. */
  readonly settledAtOnce?: number;
}

export type Decision = readonly RunEvent[] | Refusal;
