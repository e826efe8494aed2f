/**
 * Reading systems.yaml: which systems there are, of which kind, configured how.
 *
 *   ledger:
 *     kind: sql
 *     url: postgres://tutti:${{ secrets.ledger }}@db.example.com/ledger
 *
 * Reading knows the form only. Resolving `${{ secrets.NAME }}` and `${{ env.NAME }}` and checking a configuration against
 * the connector's schema is for whoever holds the environment and the connectors; `place` tells
 * them where in the file a value stands.
 */
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document, Pair, YAMLMap } from 'yaml';
import type { Problem } from '../model/errors.ts';
import type { JsonObject } from '../model/json.ts';

const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const SOURCE_MAX_LENGTH = 1024 * 1024;

export interface SystemEntry {
  readonly name: string;
  readonly kind: string;
  /** Everything but `kind`; may hold `${{ secrets.NAME }}` and `${{ env.NAME }}`. */
  readonly config: JsonObject;
}

interface SourceLocation {
  readonly file?: string;
  readonly line: number;
  readonly column: number;
}

export interface SystemsFile {
  readonly source: string;
  readonly systems: readonly SystemEntry[];
  readonly problems: readonly Problem[];
  /** Where the value at this path stands, or the nearest thing around it. */
  place(path: readonly (string | number)[]): SourceLocation;
}

export function readSystems(source: string, file?: string): SystemsFile {
  if (source.length > SOURCE_MAX_LENGTH) {
    const message = 'The systems file is larger than 1 MB.';
    const problem = { code: 'systems.invalid', message, ...(file ? { file } : {}) };
    return { source, systems: [], problems: [problem], place: () => ({ line: 1, column: 1 }) };
  }
  return new Reading(source, file);
}

/** One pass over one file. Every mistake is kept; systems with mistakes are left out. */
class Reading implements SystemsFile {
  readonly source: string;
  readonly systems: SystemEntry[] = [];
  readonly problems: Problem[] = [];
  readonly #file: string | undefined;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(source: string, file: string | undefined) {
    this.source = source;
    this.#file = file;
    this.#document = parseDocument(source, { lineCounter: this.#lines, prettyErrors: false });
    // A warning of YAML is a value that silently became another one: a mistake here.
    for (const issue of [...this.#document.errors, ...this.#document.warnings]) {
      this.#mistake(issue.message, this.#at(issue.pos[0]));
    }
    if (this.problems.length === 0) this.#readAll();
  }

  place(path: readonly (string | number)[]): SourceLocation {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = this.#offset(path.slice(0, length));
      if (offset !== undefined) return this.#at(offset);
    }
    return this.#at(undefined);
  }

  #readAll(): void {
    const { contents } = this.#document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return;
    if (!isMap(contents)) {
      const hint = 'Write one entry for each system: `name:` with `kind:` below it.';
      this.#mistake('The systems file must be a map of names.', this.place([]), hint);
      return;
    }
    for (const pair of contents.items) this.#readOne(pair);
  }

  #readOne(pair: Pair): void {
    const key = isScalar(pair.key) ? pair.key : null;
    const at = this.#at(rangeStart(pair.key));
    const name = key?.value;
    if (typeof name !== 'string' || !NAME.test(name)) {
      const hint = 'Use small letters, digits and hyphens; begin with a letter.';
      this.#mistake(`${JSON.stringify(name)} cannot be the name of a system.`, at, hint);
      return;
    }
    if (!isMap(pair.value)) {
      this.#mistake(`System ${name} must be a map.`, at, 'Write `kind: …` below it.', name);
      return;
    }
    this.#readConfig(name, pair.value, at);
  }

  #readConfig(name: string, map: YAMLMap, at: SourceLocation): void {
    const plain = this.#plain(map);
    if (plain === undefined) return;
    const { kind, ...config } = plain;
    if (kind === undefined) {
      const hint = 'Say which connector speaks to it, for example `kind: sql`.';
      this.#mistake(`System ${name} has no kind.`, at, hint, name);
      return;
    }
    if (typeof kind !== 'string' || kind === '') {
      const where = this.place([name, 'kind']);
      this.#mistake(`The kind of system ${name} must be text.`, where, undefined, `${name}.kind`);
      return;
    }
    this.systems.push({ name, kind, config });
  }

  /** Undefined when its aliases make too much of it. */
  #plain(map: YAMLMap): JsonObject | undefined {
    try {
      // Aliases are bounded: a file that multiplies itself is a mistake, not a memory.
      return map.toJS(this.#document, { maxAliasCount: 100 });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#mistake(message, this.#at(rangeStart(map)));
      return undefined;
    }
  }

  #offset(path: readonly (string | number)[]): number | undefined {
    const parent: unknown =
      path.length === 1 ? this.#document.contents : this.#node(path.slice(0, -1));
    const last = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find((one) => isScalar(one.key) && one.key.value === last);
      return pair === undefined ? undefined : rangeStart(pair.key);
    }
    return rangeStart(this.#node(path));
  }

  #node(path: readonly (string | number)[]): unknown {
    return this.#document.getIn(path, true);
  }

  /** What does not stand in the file itself is looked for from its beginning. */
  #at(offset = 0): SourceLocation {
    const { line, col } = this.#lines.linePos(offset);
    const place = { line: Math.max(1, line), column: Math.max(1, col) };
    return this.#file === undefined ? place : { file: this.#file, ...place };
  }

  #mistake(message: string, at: SourceLocation, hint?: string, path?: string): void {
    this.problems.push({
      code: 'systems.invalid',
      message,
      ...(hint === undefined ? {} : { hint }),
      ...at,
      ...(path === undefined ? {} : { path }),
    });
  }
}

function rangeStart(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === 'number' ? start : undefined;
}
