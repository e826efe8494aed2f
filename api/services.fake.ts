/**
 * Services for the API's tests: they record the commands that they are given and answers
 * what the test put in. `changed` resolves when the test says so.
 */
import { z } from 'zod';
import type { Door } from '../engine/door.ts';
import type { EventRow } from '../journal/append.ts';
import type { BulkRow } from '../journal/bulks.ts';
import type { Views } from '../journal/journal.ts';
import type { StoredLogChunk } from '../journal/logs.ts';
import type { Requests, StoredAnswer } from '../journal/requests.ts';
import type { RetentionRow } from '../journal/retentions.ts';
import type { VersionRow } from '../journal/versions.ts';
import type { Definition } from '../model/definition.ts';
import type { Refusal, RunSummary, RunView } from '../model/run.ts';
import type { Access } from './credentials.ts';
import type { ApiServices } from './context.ts';

/** The access of a test; `OPEN` lets everybody in. */
export const ACCESS: Access = {
  open: false,
  token: 'the-token-of-the-data-folder-of-this-test',
  nodeKey: new Uint8Array(32).fill(7),
  address: () => 'http://127.0.0.1:7700',
};
export const OPEN: Access = { ...ACCESS, open: true };

export const SUMMARY: RunSummary = {
  id: 'r-1',
  workflow: 'hello',
  version: 1,
  status: 'running',
  by: { actor: 'ada' },
  createdAt: 1_000,
  tasks: { total: 2, ended: 1, failed: 0 },
};
export const VIEW: RunView = {
  ...SUMMARY,
  inputs: { name: 'x' },
  taskViews: [
    { task: 'one', kind: 'action', status: 'succeeded', attempt: 1, needs: [], gates: [] },
    {
      task: 'two[3]',
      kind: 'approve',
      status: 'deciding',
      attempt: 1,
      needs: ['one'],
      gates: [{ kind: 'approval', message: 'waits for order-desk to decide', on: 'order-desk' }],
    },
  ],
};
const DEFINITION: Definition = { name: 'hello', inputs: {}, tasks: [], edges: [], pools: {} };
export const VERSION: VersionRow = {
  workflow: 'hello',
  version: 1,
  definition: DEFINITION,
  source: 'workflow: hello\n',
  directory: '/w',
  deployedAt: 5,
  by: { actor: 'ada' },
};

const { definition: _definition, source: _source, ...VERSION_ENTRY } = VERSION;

const RETENTION: Omit<RetentionRow, 'id' | 'scope' | 'by'> = {
  createdAt: 5,
  endedAt: null,
  cancelledAt: null,
  portions: 0,
  counts: { looked: 0, kept: 0, runs: 0, events: 0, logs: 0, bulks: 0, feed: 0 },
  failure: null,
};

export class FakeServices implements ApiServices {
  commands: unknown[] = [];
  refusal: Refusal | null = null;
  thrown: unknown = null;
  view: RunView = VIEW;
  summary: RunSummary = SUMMARY;
  eventRows: EventRow[] = [];
  logRows: StoredLogChunk[] = [];
  stalled: string[] = [];
  readonly stalls = async () => this.fullDisk;
  fullDisk: string[] = [];
  databaseIsDown = false;
  filters: unknown[] = [];
  /** Resolves when somebody waits for a commit; its value is that commit. */
  #waits: (wait: { commit: () => void; signal: AbortSignal }) => void = () => undefined;
  readonly waiting = new Promise<{ commit: () => void; signal: AbortSignal }>((resolve) => {
    this.#waits = resolve;
  });
  logReads = 0;
  onLogRead: (reads: number) => void = () => undefined;

  #answer(command: unknown) {
    this.commands.push(command);
    if (this.thrown !== null) throw this.thrown;
    return this.refusal ?? { refused: false as const, run: 'r-1' };
  }

  listeners = new Set<() => void>();
  readonly onCommit = (committed: () => void) => {
    this.listeners.add(committed);
    return () => this.listeners.delete(committed);
  };
  feedRows: EventRow[] = [];
  feedReads = 0;
  /** As if a node had committed them. */
  commit(...rows: readonly EventRow[]): void {
    this.feedRows.push(...rows);
    for (const committed of this.listeners) committed();
  }
  logged: () => void = () => undefined;

  readonly door: Door = {
    deployments: {
      deploy: async (request) => {
        this.commands.push(request);
        if (request.source.includes('wrong')) {
          const problems = [{ code: 'key.unknown', message: 'no', line: 3, column: 5 }];
          return { refused: true, problems };
        }
        return { refused: false, workflow: 'hello', version: 2, changed: true };
      },
    },
    commands: {
      start: async (request) => this.#answer(request),
      submit: async (command) => this.#answer(command),
    },
    bulks: {
      request: async (request) => {
        this.#answer(request);
        return this.refusal ?? { refused: false as const, run: request.id };
      },
      cancel: async (id) => {
        this.commands.push({ cancelBulk: id });
      },
    },
    retentions: {
      request: async (request) => {
        this.commands.push(request);
        this.retentionRow = { ...RETENTION, ...request };
      },
    },
    repairs: {
      repair: async (run, asker, preview) => {
        this.commands.push({ repair: run, by: asker, preview });
        return (
          this.refusal ?? {
            run,
            reason: 'an event is missing',
            outcome: 'ended',
            message: 'it ends',
          }
        );
      },
    },
    runs: {
      inspect: async (run) => (run === this.view.id ? this.view : null),
      preview: async (command) => {
        this.commands.push(command);
        return this.refusal ?? { keeps: ['one'], runsAgain: ['two'], version: 1 };
      },
      changed: (_run, _seq, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve());
          this.#waits({ commit: resolve, signal });
        }),
    },
    news: {
      onCommit: this.onCommit,
      onWritten: (_run, wake) => {
        this.logged = wake;
        return () => undefined;
      },
    },
    stalls: () => this.stalled,
  };

  readonly marks = new Set<string>();
  #ids = 0;
  readonly newId = (): string => `id-${(this.#ids += 1)}`;
  /** By key: what was kept, or the fingerprint of what is under way. */
  readonly kept = new Map<
    string,
    { fingerprint: string; id: string; answer?: StoredAnswer; interrupted?: true }
  >();
  readonly requests: Requests = {
    begin: async (key, fingerprint, id) => {
      const known = this.kept.get(key);
      if (known === undefined) {
        this.kept.set(key, { fingerprint, id });
        return { state: 'fresh', id };
      }
      if (known.fingerprint !== fingerprint) return { state: 'other' };
      if (known.answer !== undefined) return { state: 'answered', answer: known.answer };
      if (known.interrupted !== true) return { state: 'under-way' };
      this.kept.set(key, { fingerprint, id: known.id });
      return { state: 'interrupted', id: known.id };
    },
    finish: async (key, answer) => {
      const known = this.kept.get(key);
      if (known !== undefined) this.kept.set(key, { ...known, answer });
    },
    interrupt: async (key) => {
      const known = this.kept.get(key);
      if (known !== undefined) this.kept.set(key, { ...known, interrupted: true });
    },
  };
  retentionRow: RetentionRow | null = null;
  readonly retentions: ApiServices['retentions'] = {
    find: async (id) => (this.retentionRow?.id === id ? this.retentionRow : null),
    list: async () => ({
      items: this.retentionRow === null ? [] : [this.retentionRow],
      next: null,
    }),
    cancel: async (id) => {
      this.commands.push({ cancelRetention: id });
    },
  };
  bulkRow: BulkRow | null = null;
  readonly bulks: ApiServices['bulks'] = {
    count: async (filter) => {
      this.filters.push(filter);
      return 7;
    },
    find: async (id) => (this.bulkRow === null || this.bulkRow.id !== id ? null : this.bulkRow),
    list: async () => ({ items: this.bulkRow === null ? [] : [this.bulkRow], next: null }),
    refusals: async () => [{ run: 'r-2', outcome: 'run.wrong-status', message: 'it is over' }],
  };

  readonly views: Views = {
    marked: async (run, mark) => this.marks.has(`${run} ${mark}`),
    feed: async (after, limit) => {
      this.feedReads += 1;
      const from = after === null ? this.feedRows.length : Number(after);
      const rows = this.feedRows.slice(from, from + limit);
      const items = rows.map((event, index) => ({ position: String(from + index + 1), event }));
      return { items, next: String(from + rows.length) };
    },
    runs: async (filter) => {
      this.filters.push(filter);
      return { items: [this.summary], next: 'c2' };
    },
    run: async (id) => (id === this.summary.id ? this.summary : null),
    runsByPrefix: async (prefix) => ['r-1'].filter((id) => id.startsWith(prefix)),
    events: async (_run, after, limit) =>
      this.eventRows.filter((row) => row.seq > after).slice(0, limit),
    logs: async (filter) => {
      this.logReads += 1;
      this.onLogRead(this.logReads);
      const rest = this.logRows.filter((row) => row.position > Number(filter.after ?? -1));
      const items = rest.slice(0, filter.limit);
      const next = items.length === 0 ? null : String(items.at(-1)?.position);
      return { items, next, more: items.length < rest.length };
    },
    workflows: async () => ({
      items: [{ name: 'hello', title: null, owner: null, version: 1, deployedAt: 5 }],
      next: null,
    }),
    versions: async (workflow) => ({
      items: workflow === 'hello' ? [VERSION_ENTRY] : [],
      next: null,
    }),
    nodes: async () => [],
    ping: async () => {
      if (this.databaseIsDown) throw new Error('down');
      return { aside: 2 };
    },
  };
  readonly versions = {
    version: async (workflow: string, version: number | null) =>
      workflow === 'hello' && (version === null || version === 1) ? VERSION : null,
    pools: async () => [],
  };
  readonly validate = async (source: string) =>
    source.includes('wrong')
      ? { valid: false, workflow: null, problems: [{ code: 'x', message: 'no' }] }
      : { valid: true, workflow: 'hello', problems: [] };
  readonly actions = [
    {
      name: 'shell.run',
      title: 'Run',
      description: 'Runs.',
      input: z.object({ script: z.string() }),
      output: z.object({ exitCode: z.int() }),
      system: 'none' as const,
      examples: [],
    },
  ];
  readonly systems = [{ name: 'ledger', kind: 'sql', password: 'hunter2' }];
}
