/** Logs of attempts, in pieces with positions. */
import type { Json } from '../model/json.ts';
import type { Page } from './page.ts';

export interface StoredLogChunk {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  /** Position in the attempt's log, 0, 1, 2…; a second write of one position is dropped. */
  readonly position: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly at: number;
  readonly text: string;
  /** The connector's cursor after this chunk, when it is the last of a read. */
  readonly cursor: Json | null;
}

export interface LogProgress {
  /** Next free position and the cursor to read on from. */
  readonly position: number;
  readonly cursor: Json;
  /** How much text there is. */
  readonly bytes: number;
}

export interface LogFilter {
  readonly run: string;
  readonly task?: string;
  /** Of the task. */
  readonly attempt?: number;
  /** Opaque: the `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface LogPage extends Page<StoredLogChunk> {
  /** Not all fitted. */
  readonly more: boolean;
}

export interface Logs {
  appendLogs(rows: readonly StoredLogChunk[]): Promise<void>;
  logEnd(run: string, task: string, attempt: number): Promise<LogProgress>;
}

export interface LogViews {
  /**
   * Oldest first, up to `limit` rows and about a megabyte of text. `next` stands after the last item,
   * on the last page too: followers read on from it.
   */
  logs(filter: LogFilter): Promise<LogPage>;
}
