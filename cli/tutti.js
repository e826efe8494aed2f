#!/usr/bin/env node
// The executable. What runs is built from cli/main.ts; a fresh checkout has to be built first.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Node 22.1 and later keep what they have compiled for the next start: in a folder that is the
// user's own, for what stands there is run. Where it cannot be written nothing is kept.
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
module.enableCompileCache?.(join(cache, 'tutti'));

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  try {
    const { main: run } = await import(main.href);
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    // Too few files for the program itself: nothing of ours is there yet that could say so.
    if (error?.code !== 'EMFILE' && error?.code !== 'ENFILE') throw error;
    process.stderr.write(
      `✖ Tutti may not open as many files as it needs (${error.code}). Allow it at least 1024: ulimit -n 1024\n`,
    );
    process.exitCode = 1;
  }
} else {
  process.stderr.write('Tutti is not built yet. Run `npm run build`, then try again.\n');
  process.exitCode = 1;
}
