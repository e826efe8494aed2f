/**
 * What the API is given: the door, the views and a few readings. Nothing else of the engine.
 */
import type { Door } from '../engine/door.ts';
import type { Journal, Views } from '../journal/journal.ts';
import type { ActionDescription } from '../model/action.ts';
import type { SystemSummary } from '../protocol/catalogue.ts';
import type { Validated } from '../protocol/workflows.ts';
import type { Exposition } from '../watch/metrics/metrics.ts';
import type { Access } from './credentials.ts';
import type { LongPolls } from './long-poll.ts';
import type { Links } from './links.ts';
import type { PrivateName } from './private-name.ts';
import type { Strangers } from './strangers.ts';
import type { Streams } from './stream/streams.ts';

export interface ApiServices {
  readonly door: Door;
  readonly views: Views;
  readonly versions: Pick<Journal, 'version' | 'pools'>;
  readonly requests: Journal['requests'];
  readonly bulks: Pick<Journal['bulks'], 'count' | 'find' | 'list' | 'refusals'>;
  readonly retentions: Pick<Journal['retentions'], 'find' | 'list' | 'cancel'>;
  /** A UUID, ordered by time. */
  readonly newId: () => string;
  /** Reads a workflow file without keeping it. */
  readonly validate: (source: string, file: string | undefined) => Promise<Validated>;
  readonly actions: readonly ActionDescription[];
  readonly systems: readonly SystemSummary[];
  /** What else keeps the node from its work, for `/readyz`; empty when all is well. */
  readonly stalls: () => Promise<readonly string[]>;
  /** What `/metrics` answers; there is no such page without it. */
  readonly metrics?: { expose(): Promise<Exposition> };
  /** Calls back when events may have been committed, by this node or another. The result ends it. */
  readonly onCommit: (committed: () => void) => () => void;
}

export interface ApiContext extends ApiServices {
  readonly access: Access;
  readonly links: Links;
  readonly privateName: PrivateName;
  readonly strangers: Strangers;
  /** How long a request may say nothing while it arrives. */
  readonly silenceMs: number;
  /** Names besides those of loopback that the server may be called by. */
  readonly hosts: readonly string[];
  readonly polls: LongPolls;
  readonly streams: Streams;
  /** How often a waiting reader of logs looks again: log chunks are not announced. */
  readonly logPollMs: number;
}
