#!/usr/bin/env node
// The executable. What runs is built from cli/main.ts; a fresh checkout has to be built first.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write('Tutti is not built yet. Run `npm run build`, then try again.\n');
  process.exitCode = 1;
}
