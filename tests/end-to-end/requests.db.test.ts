/** Requests that arrive twice and commands on many runs, over HTTP, on a real engine and journal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../api/app.ts';
import { OPEN } from '../../api/services.fake.ts';
import { createApp } from '../../api/server.ts';
import { machineClock, machineIds } from '../../cli/machine.ts';
import { NodeIdentity } from '../../engine/node-identity.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import { BulkHandler } from '../../engine/door/bulks.ts';
import { Lifecycle } from '../../engine/lifecycle.ts';
import type { BulkView } from '../../protocol/bulk.ts';
import { by, type LocalTutti, openTutti } from './local-tutti.ts';

const ASKS = 'workflow: asks\ntasks:\n  ask: { approve: { by: [desk], title: Well } }\n';
const RUNS = 230;

let tutti: LocalTutti;
let app: App;
beforeAll(async () => {
  tutti = await openTutti();
  const { journal, engine } = tutti;
  app = await createApp(
    {
      door: engine.door,
      views: journal.views,
      versions: journal,
      requests: journal.requests,
      bulks: journal.bulks,
      retentions: journal.retentions,
      newId: () => machineIds.run(),
      validate: () => Promise.resolve({ valid: true, workflow: null, problems: [] }),
      actions: [],
      onCommit: () => () => undefined,
      systems: [],
      stalls: async () => [],
    },
    { access: OPEN, version: '0.0.0', logPollMs: 1 },
  );
  await tutti.deploy(ASKS);
});
afterAll(async () => {
  await app.close();
  await tutti.close();
});

async function post(url: string, payload: object, key?: string) {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  const answer = await app.inject({ method: 'POST', url: `/api/v1${url}`, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

async function startMany(businessDate: string): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: RUNS }, () =>
      tutti.engine.door.commands.start({ workflow: 'asks', inputs: {}, businessDate, by }),
    ),
  );
  return answers.map((answer) => (answer.refused ? answer.message : answer.run));
}

/** Waits as a client would, until the bulk command has ended. */
async function ended(id: string): Promise<BulkView> {
  for (let after = -1; ; ) {
    const answer = await app.inject(`/api/v1/bulk/${id}?wait=20s&after=${after}`);
    const view: BulkView = answer.json();
    if (view.status !== 'running') return view;
    after = view.done + view.refused;
  }
}

async function cancelRequests(runs: readonly string[]): Promise<number[]> {
  return Promise.all(
    runs.map(async (run) => {
      const events = await tutti.journal.views.events(run, -1, 100);
      return events.filter(({ type }) => type === 'RunCancelRequested').length;
    }),
  );
}

describe('a request that arrives twice', () => {
  it('starts one run, also after an interruption', async () => {
    const body = { workflow: 'asks', reason: 'twice' };
    const first = await post('/runs', body, 'start-1');
    expect(await post('/runs', body, 'start-1')).toEqual(first);
    await tutti.journal.requests.begin('start-2', 'x', first.body.run);
    expect((await post('/runs', body, 'start-2')).body.code).toBe('request.differs');
    const view = await tutti.journal.views.run(first.body.run);
    expect(view?.by).toEqual({ actor: 'anonymous', reason: 'twice', request: first.body.run });
  });

  it('is found by its mark when its answer was never kept', async () => {
    const { requests, views } = tutti.journal;
    const [run = ''] = await startMany('2026-01-01');
    const mark = machineIds.run();
    expect(await requests.begin('hold-1', 'print', mark)).toEqual({ state: 'fresh', id: mark });
    expect(await requests.begin('hold-1', 'print', machineIds.run())).toEqual({
      state: 'under-way',
    });
    expect(await views.marked(run, mark)).toBe(false);
    await tutti.engine.door.commands.submit({ type: 'HoldRun', run, by: { ...by, request: mark } });
    expect(await views.marked(run, mark)).toBe(true);
    await requests.interrupt('hold-1');
    expect(await requests.begin('hold-1', 'print', machineIds.run())).toEqual({
      state: 'interrupted',
      id: mark,
    });
    const answer = { status: 200, type: 'application/json', location: null, body: '{}' };
    await requests.finish('hold-1', answer);
    expect(await requests.begin('hold-1', 'print', mark)).toEqual({ state: 'answered', answer });
    expect(await requests.begin('hold-1', 'other', mark)).toEqual({ state: 'other' });
  });
});

describe('a command on many runs', () => {
  it('is counted, refused when the count has changed, and done on each of them', async () => {
    const runs = await startMany('2026-02-02');
    const filter = { businessDate: '2026-02-02', status: 'running' };
    expect((await post('/bulk/count', { filter })).body).toEqual({ count: RUNS });
    const wrong = await post('/bulk', { verb: 'cancel', filter, expected: RUNS - 1 });
    expect(wrong).toMatchObject({ status: 409, body: { code: 'bulk.miscounted' } });
    expect((await app.inject('/api/v1/bulk')).json().items).toEqual([]);
    const begun = await post('/bulk', { verb: 'cancel', filter, expected: RUNS }, 'bulk-1');
    const again = await post('/bulk', { verb: 'cancel', filter, expected: RUNS }, 'bulk-1');
    expect(again.body.id).toBe(begun.body.id);
    expect(await ended(begun.body.id)).toMatchObject({ total: RUNS, done: RUNS, refused: 0 });
    expect(new Set(await cancelRequests(runs))).toEqual(new Set([1]));
    const late = await post('/bulk', { verb: 'release', filter: { businessDate: '2026-02-02' } });
    const refused = await ended(late.body.id);
    expect(refused).toMatchObject({ done: 0, refused: RUNS });
    expect(refused.refusals).toHaveLength(100);
    expect(refused.refusals[0]?.code).toMatch(/^run\./);
  });

  it('goes on after the node that worked on it, doing nothing twice', async () => {
    const runs = await startMany('2026-03-03');
    const { journal, engine } = tutti;
    const id = machineIds.run();
    const lease = await journal.register('other', 60_000, null);
    const filter = { businessDate: '2026-03-03' };
    await journal.bulks.create(lease, { id, verb: 'cancel', filter, by });
    let submitted = 0;
    const worker = (limit: number, own: NodeLease) => {
      const bulk = new BulkHandler({
        journal,
        clock: machineClock,
        identity: new NodeIdentity(own),
        lifecycle: new Lifecycle(),
        observer: undefined,
        commands: {
          submit: async (command) => {
            submitted += 1;
            if (submitted === limit) bulk.stop();
            return engine.door.commands.submit(command);
          },
        },
      });
      return bulk;
    };
    // Stopped in the middle of a page: what it did is in the events, but not all of it is noted.
    const first = worker(30, lease);
    await first.claim();
    await journal.resign(lease);
    const second = await journal.register('third', 60_000, null);
    await worker(Infinity, second).claim();
    expect(await ended(id)).toMatchObject({ total: RUNS, done: RUNS, refused: 0 });
    expect(new Set(await cancelRequests(runs))).toEqual(new Set([1]));
  });

  it('stops when it is told to', async () => {
    const runs = await startMany('2026-04-04');
    const { journal } = tutti;
    const lease = await journal.register('slow', 60_000, null);
    const id = machineIds.run();
    await journal.bulks.create(lease, {
      id,
      verb: 'cancel',
      filter: { businessDate: '2026-04-04' },
      by,
    });
    expect((await post(`/bulk/${id}/cancel`, {})).body).toMatchObject({ status: 'cancelled' });
    expect(await journal.bulks.open(id, 10)).toEqual([]);
    expect(new Set(await cancelRequests(runs))).toEqual(new Set([0]));
  });
});
