/**
 * What a command is called with, and what it may say with its exit code. It is all that the tree of
 * commands needs of them: what they do is loaded when one is called (`context.ts`).
 *
 * Exit codes: 0 done · 1 failed or refused · 2 bad input · 3 another Tutti serves the data folder ·
 * 4 this node lost its lease.
 */
import type { Command } from 'commander';
import type { Lifetime } from './lifetime.ts';
import type { Terminal } from './terminal.ts';

export { EXIT } from '../model/errors/exit.ts';

export interface Runtime {
  readonly terminal: Terminal;
  readonly lifetime: Lifetime;
  exitCode: number;
}

/** What a command does; its options and operands stand in the command. */
export type CommandAction = (runtime: Runtime, command: Command) => Promise<void>;
