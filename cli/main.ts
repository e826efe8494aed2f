/**
 * The executable: words in, exit code out.
 */
import { CommanderError } from 'commander';
import { processLifetime } from './lifetime.ts';
import type { Lifetime } from './lifetime.ts';
import { buildProgram } from './program.ts';
import { EXIT } from './runtime.ts';
import type { Runtime } from './runtime.ts';
import { processTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export async function runCli(
  words: readonly string[],
  terminal: Terminal,
  lifetime: Lifetime,
): Promise<number> {
  const runtime: Runtime = { terminal, lifetime, exitCode: EXIT.done };
  try {
    await buildProgram(runtime).parseAsync([...words], { from: 'user' });
    return runtime.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end here too, with 0; everything else is a word that was not understood.
    return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
  }
}

export async function main(words: readonly string[]): Promise<number> {
  const lifetime = processLifetime(() => process.exit(EXIT.failed));
  try {
    return await runCli(words, processTerminal(), lifetime);
  } finally {
    lifetime.dispose();
  }
}
