/**
 * Makes mutants when a test imports the engine as `engine/engine.ts?mutant=N`: engine and kernel
 * are then loaded afresh, with the snippet of that mutant replaced. Nothing that ships knows of it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { type Mutant, MUTANTS } from './mutants.ts';

const MARK = '?mutant=';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ROOMS = ['engine/', 'kernel/'];

export function mutation(): Plugin {
  return {
    name: 'mutation',
    enforce: 'pre',
    async resolveId(source, importer) {
      const [path = '', own] = source.split(MARK);
      const [from, inherited] = (importer ?? '').split(MARK);
      const mutant = own ?? inherited;
      if (mutant === undefined) return null;
      const found = await this.resolve(path, from, { skipSelf: true });
      if (found === null || !isMutable(found.id)) return found;
      return `${found.id}${MARK}${mutant}`;
    },
    load(id) {
      const [path = '', number] = id.split(MARK);
      const mutant = number === undefined ? undefined : MUTANTS[Number(number)];
      if (mutant === undefined) return null;
      const source = readFileSync(path, 'utf8');
      return path === ROOT + mutant.file ? mutated(source, mutant) : source;
    },
  };
}

function isMutable(id: string): boolean {
  return id.startsWith(ROOT) && ROOMS.some((room) => id.slice(ROOT.length).startsWith(room));
}

export function mutated(source: string, { file, name, snippet, instead }: Mutant): string {
  const parts = source.split(snippet);
  if (parts.length !== 2) {
    throw new Error(
      `the mutant "${name}" looks for a snippet that ${file} has ${parts.length - 1} times, not once: ${snippet}`,
    );
  }
  return parts.join(instead);
}
