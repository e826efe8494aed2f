/**
 * The systems file, resolved: `${{ secrets.NAME }}` and `${{ env.NAME }}` are replaced, each
 * configuration is checked by its connector's schema, and every secret is noted for redaction.
 * A variable is a plain value, unless it stands where the connector says that a secret stands.
 *
 * A problem names the secret, the variable or the field, never the value.
 */
import { lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import type { AnyConnector } from '../connectors/kit/index.ts';
import type { System, SystemDirectory } from '../engine/systems.ts';
import { TuttiError } from '../model/errors.ts';
import type { Problem } from '../model/errors.ts';
import type { Json } from '../model/json.ts';
import { didYouMean } from '../model/suggestion.ts';
import type { Redactor } from '../model/redactor.ts';
import { readSystems } from '../language/systems.ts';
import type { SystemEntry, SystemsFile } from '../language/systems.ts';
import { readText } from '../model/text-bytes.ts';
import { secretsOf, type FoundSecrets, type FieldPath } from './secret-fields.ts';
import type { SecretSource } from './secrets.ts';
import { readGiven } from './system-refusal.ts';
import { redactorOf } from './spellings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/** How to connect to a database of the embedded PostgreSQL, or why that cannot be done. */
export type EmbeddedUrl = (database: string) => string | { readonly broken: string };

/** `url: embedded:NAME` of a sql system: the database NAME of the embedded PostgreSQL. */
const EMBEDDED = /^embedded:([a-z][a-z0-9_]{0,62})$/;
const REFERENCE =
  /\$\{\{\s*(?:env\.([A-Za-z_][A-Za-z0-9_]*)|secrets\.([A-Za-z][A-Za-z0-9_-]*))\s*\}\}/g;
/** Databases of the server itself and of Tutti. */
const RESERVED = /^(?:tutti|postgres|template0|template1|pg_.*)$/;

/** `--systems FILE`, else systems.yaml in the data folder, else in the working directory. */
export function findSystemsFile(
  given: string | undefined,
  dataDirectory: string,
  workingDirectory: string,
): string | null {
  if (given !== undefined) return resolve(workingDirectory, given);
  const candidates = [join(dataDirectory, 'systems.yaml'), join(workingDirectory, 'systems.yaml')];
  return candidates.find(isThere) ?? null;
}

/** One that is there and cannot be read must not be passed over without a word. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

interface Resolving {
  readonly connectors: readonly AnyConnector[];
  readonly environment: Environment;
  readonly secrets: SecretSource;
  readonly embeddedUrl: EmbeddedUrl;
}

export interface Systems {
  readonly directory: SystemDirectory;
  /** A sentence for each that cannot be used until the next start. */
  readonly unreachable: readonly string[];
  /** For everything that Tutti keeps or shows; `more` are secrets from elsewhere. */
  readonly redactor: (more: Iterable<string>) => Redactor | undefined;
}

export function loadSystems(file: string | null): SystemsFile {
  if (file === null) return readSystems('');
  const { text, problem } = readText(readGiven(file, `The systems file ${file}`));
  if (problem === undefined) return readSystems(text, file);
  throw new TuttiError('systems.invalid', `The systems file ${file} cannot be read as text.`, {
    problems: [{ ...problem, file }],
  });
}

/** The databases that systems want of the embedded PostgreSQL. */
export function embeddedDatabases(file: SystemsFile): readonly string[] {
  const urls = file.systems.map(({ config }) => config['url']);
  const names = urls.flatMap((url) =>
    typeof url === 'string' ? (EMBEDDED.exec(url)?.[1] ?? []) : [],
  );
  return [...new Set(names)];
}

/** Throws `systems.invalid` with every mistake at once. */
export function resolveSystems(file: SystemsFile, resolving: Resolving): Systems {
  const resolution = new Resolution(file, resolving);
  for (const entry of file.systems) resolution.add(entry);
  const problems = [...file.problems, ...resolution.problems];
  if (problems.length > 0) {
    throw new TuttiError('systems.invalid', 'The systems file has errors.', { problems });
  }
  const { systems, secrets, pairs } = resolution;
  return {
    directory: { get: (name) => systems.get(name), names: () => [...systems.keys()] },
    unreachable: [...systems.values()].flatMap((system) => system.unreachable ?? []),
    redactor: (more) => redactorOf([...secrets, ...more], pairs),
  };
}

/** A variable that was put in at a place. */
interface Put {
  readonly path: FieldPath;
  readonly value: string;
}

class Resolution {
  readonly systems = new Map<string, System>();
  readonly secrets = new Set<string>();
  readonly pairs = new Set<string>();
  readonly problems: Problem[] = [];
  readonly #file: SystemsFile;
  readonly #connectors: ReadonlyMap<string, AnyConnector>;
  readonly #resolving: Resolving;
  #variables: Put[] = [];
  #unreachable: string | undefined;

  constructor(file: SystemsFile, resolving: Resolving) {
    this.#file = file;
    this.#connectors = new Map(resolving.connectors.map((one) => [one.name, one]));
    this.#resolving = resolving;
  }

  add({ name, kind, config }: SystemEntry): void {
    const connector = this.#connectors.get(kind);
    if (connector === undefined) {
      const hint =
        didYouMean(kind, this.#connectors.keys()) ??
        `Kinds: ${[...this.#connectors.keys()].join(', ')}.`;
      this.#problem([name, 'kind'], `There is no connector ${JSON.stringify(kind)}.`, hint);
      return;
    }
    const before = this.problems.length;
    this.#variables = [];
    this.#unreachable = undefined;
    const resolved = this.#resolve(config, [name]);
    if (this.problems.length > before) return;
    const checked = connector.config.safeParse(resolved);
    if (checked.success) {
      this.#note(secretsOf(connector.config, resolved));
      const unreachable = this.#unreachable;
      const state = unreachable === undefined ? {} : { unreachable };
      this.systems.set(name, { kind, config: checked.data, ...state });
      return;
    }
    for (const issue of checked.error.issues) this.#issue(name, issue);
  }

  #note(found: FoundSecrets): void {
    for (const secret of found.texts) this.secrets.add(secret);
    for (const pair of found.pairs) this.pairs.add(pair);
    for (const { path, value } of this.#variables) {
      if (found.isSecretPart(path.slice(1), value)) this.secrets.add(value);
    }
  }

  #issue(name: string, issue: z.core.$ZodIssue): void {
    const path = [name, ...issue.path.map((part) => (typeof part === 'symbol' ? '?' : part))];
    const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    this.#problem(unknownKey === undefined ? path : [...path, unknownKey], issue.message);
  }

  #resolve(value: Json, path: FieldPath): Json {
    if (typeof value === 'string') return this.#resolveText(value, path);
    if (Array.isArray(value)) return value.map((one, at) => this.#resolve(one, [...path, at]));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(
      ([key, one]) => [key, this.#resolve(one, [...path, key])] as const,
    );
    return Object.fromEntries(entries);
  }

  #resolveText(text: string, path: FieldPath): string {
    const database = path.length === 2 && path[1] === 'url' ? EMBEDDED.exec(text)?.[1] : undefined;
    if (database !== undefined) return this.#embedded(database, path);
    if (text.replaceAll(REFERENCE, '').includes('${{')) {
      this.#problem(path, 'Only `${{ secrets.NAME }}` and `${{ env.NAME }}` can stand here.');
      return text;
    }
    return text.replaceAll(REFERENCE, (_whole, variable?: string, secret?: string) =>
      secret === undefined ? this.#variable(variable ?? '', path) : this.#secret(secret, path),
    );
  }

  #embedded(database: string, path: FieldPath): string {
    if (!RESERVED.test(database)) {
      const url = this.#resolving.embeddedUrl(database);
      if (typeof url === 'string') return url;
      this.#unreachable = `The system ${JSON.stringify(path[0])} cannot be used: its database ${database} could not be prepared (${url.broken}). The others can. Remove the cause, and start Tutti again.`;
      return `embedded:${database}`;
    }
    const hint = "It is the server's or Tutti's own. Choose another name.";
    this.#problem(path, `The database ${database} cannot be a system.`, hint);
    return '';
  }

  #variable(name: string, path: FieldPath): string {
    const value = this.#resolving.environment[name];
    if (value === undefined) {
      const hint = `Set ${name} before you start Tutti.`;
      this.#problem(path, `The environment variable ${name} is not set.`, hint);
      return '';
    }
    this.#variables.push({ path, value });
    return value;
  }

  #secret(name: string, path: FieldPath): string {
    const found = this.#resolving.secrets(name);
    if ('value' in found) {
      this.secrets.add(found.value);
      return found.value;
    }
    this.#problem(path, found.message, found.hint);
    return '';
  }

  #problem(path: FieldPath, message: string, hint?: string): void {
    this.problems.push({
      code: 'systems.invalid',
      message,
      ...(hint === undefined ? {} : { hint }),
      ...this.#file.place(path),
      path: path.join('.'),
    });
  }
}
