/**
 * Where secrets come from, by their name: `TUTTI_SECRET_<NAME>` in the environment, else a file of
 * that name in the folder of secrets, which only its owner may read.
 *
 * A secret is asked for by whoever needs it; nothing lists them, and a folder may hold many that
 * are never asked for. No message of this file quotes a value.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TuttiError } from '../model/errors.ts';
import { wordsOf } from './system-refusal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter ones stand in every other word: who blacks them out blacks out the log. */
export const SECRET_MIN_LENGTH = 4;
const FILE_MOST_BYTES = 64 * 1024;
const PREFIX = 'TUTTI_SECRET_';

interface SecretProblem {
  readonly message: string;
  readonly hint: string;
}
/** The secret of this name, or why there is none. */
export type SecretSource = (name: string) => { readonly value: string } | SecretProblem;

/** `--secrets`, else TUTTI_SECRETS, else `secrets` in the data folder. */
export function secretSource(
  given: string | undefined,
  dataDirectory: string,
  workingDirectory: string,
  environment: Environment,
): SecretSource {
  const asked = given ?? (environment['TUTTI_SECRETS'] || undefined);
  const folder = resolve(workingDirectory, asked ?? join(dataDirectory, 'secrets'));
  if (asked !== undefined && !isFolder(folder)) {
    throw new TuttiError('systems.invalid', `There is no folder of secrets ${folder}.`);
  }
  return (name) => checked(name, find(name, folder, environment));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What jobs must not inherit. */
export function isSecretVariable(name: string): boolean {
  return name.startsWith(PREFIX);
}

function find(
  name: string,
  folder: string,
  environment: Environment,
): { readonly value: string } | SecretProblem {
  const variable = `${PREFIX}${name.toUpperCase().replaceAll('-', '_')}`;
  const value = environment[variable];
  if (value !== undefined) return { value };
  const file = join(folder, name);
  const hint = `Set ${variable} before you start Tutti, or write it to ${file} (mode 600).`;
  return readSecret(file) ?? { message: `There is no secret ${name}.`, hint };
}

function checked(
  name: string,
  found: { readonly value: string } | SecretProblem,
): { readonly value: string } | SecretProblem {
  if (!('value' in found) || found.value.length >= SECRET_MIN_LENGTH) return found;
  return {
    message: `The secret ${name} has fewer than ${SECRET_MIN_LENGTH} characters.`,
    hint: 'Such a short text also occurs inside other words, so it cannot be masked. Use a longer secret, or write it as a plain value.',
  };
}

function readSecret(file: string): { readonly value: string } | SecretProblem | undefined {
  let descriptor: number;
  try {
    // A pipe in its place must not make us wait.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const hint = 'It must be a file that the user of Tutti may read.';
    return { message: `The secret ${file} cannot be read: ${wordsOf(error).wrong}.`, hint };
  }
  try {
    return refused(file, descriptor) ?? textOf(file, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What others may read or have written is no secret. */
function refused(file: string, descriptor: number): SecretProblem | undefined {
  const { mode, uid, size } = fstatSync(descriptor);
  const own = process.geteuid?.() ?? uid;
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
    return { message: `The secret ${file} is not a file.`, hint: 'One file for each secret.' };
  }
  if (size > FILE_MOST_BYTES) {
    const hint = 'A secret has 64 kB at most.';
    return { message: `The secret ${file} has ${size} bytes.`, hint };
  }
  if (process.platform === 'win32') return undefined;
  if (uid !== own) {
    const message = `The secret ${file} belongs to another user (uid ${uid}, not ${own}).`;
    return { message, hint: `Make it the user's who runs Tutti: chown ${own} ${file}` };
  }
  if ((mode & 0o077) === 0) return undefined;
  const message = `Other users can read the secret ${file} (mode ${(mode & 0o777).toString(8)}).`;
  return { message, hint: `Restrict it to its owner: chmod 600 ${file}` };
}

function textOf(file: string, descriptor: number): { readonly value: string } | SecretProblem {
  const room = Buffer.alloc(FILE_MOST_BYTES);
  const bytes = room.subarray(0, readSync(descriptor, room, 0, room.length, 0));
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Editors and `echo` end a file with one.
    const value = text.replace(/\r?\n$/, '');
    if (!value.includes('\0')) return { value };
  } catch {
    // Told below, with the other kind.
  }
  const hint = 'Keep bytes as base64, for example.';
  return { message: `The secret ${file} is not text in UTF-8.`, hint };
}
