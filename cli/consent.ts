/**
 * Running as root asks for consent: every script of every workflow would run as root, too. Who
 * means it says so by an option, by the environment, or, once for a data folder, at the terminal.
 *
 * What was said at the terminal is kept in the folder, and believed only when root wrote it.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { writeFile } from '../journal/embedded/disk.ts';
import { TuttiError } from '../model/errors.ts';
import type { DataFolder } from './data-folder.ts';
import type { Terminal } from './terminal.ts';

const SENTENCE = 'Tutti would run as root, and so would every script of every workflow.';

export interface ConsentOptions {
  readonly allowRoot?: boolean | undefined;
}

/** Throws `root.not-allowed` unless we are another user, or may. */
export async function askConsent(
  { allowRoot }: ConsentOptions,
  terminal: Terminal,
  folder: DataFolder,
): Promise<void> {
  if (!terminal.isRoot || allowRoot === true || isYes(terminal.environment['TUTTI_ALLOW_ROOT'])) {
    return;
  }
  if (isRemembered(folder)) return;
  const answer = await terminal.ask(`${SENTENCE} Continue, now and at the next start? [y/N] `);
  if (answer === null || !/^y(es)?$/i.test(answer.trim())) {
    throw new TuttiError('root.not-allowed', SENTENCE);
  }
  folder.create();
  writeFile(fileIn(folder), 'yes\n', { mode: 0o600 });
}

function isYes(value: string | undefined): boolean {
  return value === '1' || value === 'true' || value === 'yes';
}

function fileIn(folder: DataFolder): string {
  return join(folder.path, 'allow-root');
}

function isRemembered(folder: DataFolder): boolean {
  const facts = lstatSync(fileIn(folder), { throwIfNoEntry: false });
  return facts !== undefined && facts.isFile() && facts.uid === 0 && (facts.mode & 0o022) === 0;
}
