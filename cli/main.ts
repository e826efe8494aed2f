/**
 * The executable: words in, exit code out.
 */
import { CommanderError } from 'commander';
import { processLifetime, type Lifetime } from './lifetime.ts';
import { buildProgram } from './program.ts';
import { EXIT, type Runtime } from './runtime.ts';
import { processTerminal, type Terminal } from './terminal.ts';

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

/** What is left when a command is over (a connection that is left open) keeps the process this long. */
const LEAVE_MS = 1_000;

export async function main(words: readonly string[]): Promise<number> {
  const lifetime = processLifetime(() => process.exit(EXIT.failed));
  try {
    const code = await runCli(words, processTerminal(), lifetime);
    setTimeout(() => process.exit(code), LEAVE_MS).unref();
    return code;
  } finally {
    lifetime.dispose();
  }
}
