/**
 * Archives: what is about to be deleted, as JSON lines, one file for each portion. A line is
 * `{"table":"events","row":{…}}` with the columns as they stand in the database, so
 * `json_populate_record(null::events, line -> 'row')` makes the row again.
 *
 * A file is whole when it has its name: it is written as `….part`, brought to the disk, and
 * renamed; only then is the portion deleted. After a crash in between, the portion is archived
 * again under the same name, so what was written is there once or twice, and never lost.
 */
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type pg from 'pg';
import { TuttiError } from '../../model/errors.ts';
import { NIL_ID } from '../runs.ts';

export const ARCHIVED_RUNS = `
select row_to_json(runs)::text as row from runs where id = any($1::uuid[]) order by id`;
export const ARCHIVED_EVENTS = `
select run_id as run, seq, row_to_json(events)::text as row from events
where run_id = any($1::uuid[]) and (run_id, seq) > ($2, $3) order by run_id, seq limit $4`;
export const ARCHIVED_LOGS = `
select run_id as run, task, attempt, position, row_to_json(task_logs)::text as row from task_logs
where run_id = any($1::uuid[]) and (run_id, task, attempt, position) > ($2, $3, $4, $5)
order by run_id, task, attempt, task_logs.position limit $6`;
export const ARCHIVED_BULK = `
select row_to_json(bulks)::text as row from bulks where id = $1`;
export const ARCHIVED_BULK_RUNS = `
select row_to_json(bulk_runs)::text as row from bulk_runs
where bulk = $1 and run = any($2::uuid[]) order by run`;

const EVENTS_AT_ONCE = 5_000;
/** A piece of a log may have 64 kB. */
const LOGS_AT_ONCE = 200;

function failed(folder: string, error: unknown): TuttiError {
  const words = error instanceof Error ? error.message : String(error);
  return new TuttiError('retention.archive', `The archive ${folder} cannot be written: ${words}`, {
    cause: error,
  });
}

/** Before anything begins: a caller learns at once that an archive cannot be made. */
export async function prepareArchive(folder: string): Promise<void> {
  if (!isAbsolute(folder)) throw failed(folder, new Error('its path is not absolute'));
  try {
    // Not the folders above it: a mistyped path should not grow a tree.
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    });
    const probe = join(folder, '.tutti-probe');
    await (await open(probe, 'w', 0o600)).close();
    await unlink(probe);
  } catch (error) {
    throw failed(folder, error);
  }
}

export class Archive {
  readonly #folder: string;
  readonly #name: string;
  #file: FileHandle | null = null;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Errors of the disk are no errors of the database: nothing is tried again. */
  async #disk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failed(this.#folder, error);
    }
  }

  async add(table: string, rows: readonly { readonly row: string }[]): Promise<void> {
    if (rows.length === 0) return;
    const text = rows.map(({ row }) => `{"table":"${table}","row":${row}}\n`).join('');
    await this.#disk(async () => {
      this.#file ??= await open(join(this.#folder, `${this.#name}.part`), 'w', 0o600);
      await this.#file.writeFile(text);
    });
  }

  /** On the disk, under its name. Without a row there is no file. */
  async complete(): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    await this.#disk(async () => {
      await file.sync();
      await file.close();
      this.#file = null;
      await rename(join(this.#folder, `${this.#name}.part`), join(this.#folder, this.#name));
      const folder = await open(this.#folder, 'r');
      await folder.sync();
      await folder.close();
    });
  }

  async abandon(): Promise<void> {
    // ignored: the error that led here is thrown, and what was written of the file is written again.
    await this.#file?.close().catch(() => undefined);
    this.#file = null;
  }
}

export async function archiveRuns(
  client: pg.Client,
  archive: Archive,
  runs: readonly string[],
): Promise<void> {
  const found = await client.query<{ row: string }>(ARCHIVED_RUNS, [runs]);
  await archive.add('runs', found.rows);
  for (let run = NIL_ID, seq = -1; ; ) {
    const { rows } = await client.query<{ run: string; seq: number; row: string }>(
      ARCHIVED_EVENTS,
      [runs, run, seq, EVENTS_AT_ONCE],
    );
    await archive.add('events', rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < EVENTS_AT_ONCE) return;
    ({ run, seq } = last);
  }
}

interface LogPosition {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  readonly position: number;
}

export async function archiveLogs(
  client: pg.Client,
  archive: Archive,
  runs: readonly string[],
): Promise<void> {
  for (let after: LogPosition = { run: NIL_ID, task: '', attempt: 0, position: 0 }; ; ) {
    const { run, task, attempt, position } = after;
    const { rows } = await client.query<LogPosition & { readonly row: string }>(ARCHIVED_LOGS, [
      runs,
      run,
      task,
      attempt,
      position,
      LOGS_AT_ONCE,
    ]);
    await archive.add('task_logs', rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < LOGS_AT_ONCE) return;
    after = last;
  }
}
