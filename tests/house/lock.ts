/**
 * The lock file installs everywhere. npm leaves out of it the optional packages of other platforms
 * when it cannot see them, and then `npm ci` refuses the lock as out of step on a new machine;
 * and it writes down where packages were downloaded from, which is nobody else's business.
 */
import { z } from 'zod';
import type { Violation } from './source.ts';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

export function lockViolations(text: string): Violation[] {
  const { packages } = lockSchema.parse(JSON.parse(text));
  return Object.entries(packages).flatMap(([key, entry]) => {
    const name = key.replace(/^.*node_modules\//, '');
    const missing = Object.keys(entry.optionalDependencies ?? {})
      .filter((one) => packages[`node_modules/${one}`] === undefined)
      .filter((one) => packages[`${key}/node_modules/${one}`] === undefined)
      .map((one) => broken(`lacks ${one}, which ${name || 'this package'} may install`));
    const named =
      entry.resolved === undefined ? [] : [broken(`names the download address of ${name}`)];
    return [...missing, ...named];
  });
}

function broken(what: string): Violation {
  const because = '`npm ci` must work on a new machine, whatever its platform and registry.';
  return { path: 'package-lock.json', line: 1, what, because };
}
