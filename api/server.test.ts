import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TuttiError } from '../model/errors.ts';
import { FakeServices, OPEN, SUMMARY, VIEW } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp, listen } from './server.ts';

let services: FakeServices;
let app: App;
beforeEach(async () => {
  services = new FakeServices();
  app = await createApp(services, { access: OPEN, version: '0.0.0', logPollMs: 1 });
});
afterEach(() => app.close());

async function call(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
  headers: Record<string, string> = {},
) {
  const answer = await app.inject({
    method,
    url: url.startsWith('/healthz') || url.startsWith('/readyz') ? url : `/api/v1${url}`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, type: answer.headers['content-type'], body: answer.json() };
}

describe('commands', () => {
  const by = { actor: 'anonymous', reason: 'why not' };
  const task = { run: 'r-1', task: 'two[3]' };
  const cases: [string, object, object][] = [
    ['/runs/r-1/hold', {}, { type: 'HoldRun', run: 'r-1' }],
    ['/runs/r-1/release', {}, { type: 'ReleaseRun', run: 'r-1' }],
    ['/runs/r-1/cancel', {}, { type: 'CancelRun', run: 'r-1' }],
    ['/runs/r-1/restart', { from: ['a'] }, { type: 'RestartRun', run: 'r-1', from: ['a'] }],
    ['/tasks/hold', {}, { type: 'HoldTask', ...task }],
    ['/tasks/release', {}, { type: 'ReleaseTask', ...task }],
    ['/tasks/skip', {}, { type: 'SkipTask', ...task }],
    ['/tasks/rerun', {}, { type: 'RerunTask', ...task }],
    ['/tasks/approve', {}, { type: 'DecideApproval', decision: 'approve', ...task }],
    ['/tasks/reject', {}, { type: 'DecideApproval', decision: 'reject', ...task }],
    ['/tasks/steer', { to: 'a' }, { type: 'SteerTask', to: 'a', ...task }],
    [
      '/tasks/force',
      { as: 'succeeded', output: null },
      { type: 'ForceTask', as: 'succeeded', output: null, ...task },
    ],
  ];
  it.each(cases)('%s becomes its command', async (path, body, command) => {
    const url = path.replace(/^\/tasks/, `/runs/r-1/tasks/${encodeURIComponent('two[3]')}`);
    const answer = await call('POST', url, { ...body, reason: 'why not' });
    expect(answer).toMatchObject({ status: 200, body: { run: 'r-1' } });
    expect(services.commands).toEqual([{ ...command, by }]);
  });

  it('takes the actor from the header, percent-decoded, and needs no body', async () => {
    await call('POST', '/runs/r-1/hold', undefined, { 'x-tutti-actor': 'J%C3%BCrgen' });
    expect(services.commands).toEqual([{ type: 'HoldRun', run: 'r-1', by: { actor: 'Jürgen' } }]);
  });

  it('refuses an actor of several lines', async () => {
    const answer = await call('POST', '/runs/r-1/hold', undefined, { 'x-tutti-actor': 'a%0Ab' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(services.commands).toEqual([]);
  });

  it.each(['tutti', '%20System', 'RUN%20r-1', 'tut%E2%80%8Bti'])(
    'refuses %s as an actor: it is Tutti itself',
    async (actor) => {
      const answer = await call('POST', '/runs/r-1/hold', undefined, { 'x-tutti-actor': actor });
      expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
      expect(answer.body.detail).toContain('--actor');
      expect(services.commands).toEqual([]);
    },
  );

  it('wants a reason for force', async () => {
    const answer = await call('POST', '/runs/r-1/tasks/one/force', { as: 'failed' });
    expect(answer).toMatchObject({ status: 400, body: { problems: [{ path: 'reason' }] } });
  });

  it('previews a restart without doing it', async () => {
    const answer = await call('POST', '/runs/r-1/restart-preview', {});
    expect(answer.body).toEqual({ keeps: ['one'], runsAgain: ['two'], version: 1 });
  });

  it('answers a refusal with the status of the catalogue and what was found', async () => {
    services.refusal = {
      refused: true,
      code: 'task.wrong-status',
      message: 'Task one has ended.',
      expected: 'a task that waits',
      found: 'succeeded',
    };
    const answer = await call('POST', '/runs/r-1/tasks/one/hold', {});
    expect(answer.status).toBe(409);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.body).toEqual({
      type: '/docs/errors#task.wrong-status',
      title: 'The task is not in a status that allows this',
      status: 409,
      detail: 'Task one has ended.',
      code: 'task.wrong-status',
      next: 'Nothing was changed.',
      retry: false,
      expected: 'a task that waits',
      found: 'succeeded',
      problems: [],
    });
  });

  it('keeps the words of an unexpected error in the log', async () => {
    services.thrown = new Error('password=hunter2');
    const answer = await call('POST', '/runs/r-1/hold', {});
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });

  it('says that the node stops', async () => {
    services.thrown = new TuttiError('node.stopping');
    expect(await call('POST', '/runs/r-1/hold', {})).toMatchObject({
      status: 503,
      body: { code: 'node.stopping', retry: true },
    });
  });
});

describe('runs', () => {
  it('starts a deployed workflow', async () => {
    const body = { workflow: 'hello', inputs: { a: 1 }, key: 'k', businessDate: '2026-01-31' };
    expect(await call('POST', '/runs', body)).toMatchObject({ status: 201, body: { run: 'r-1' } });
    expect(services.commands).toEqual([{ ...body, by: { actor: 'anonymous' } }]);
  });

  it('deploys an inline source and starts that version', async () => {
    await call('POST', '/runs', { source: 'workflow: hello', directory: '/w' });
    expect(services.commands).toEqual([
      { source: 'workflow: hello', directory: '/w', by: { actor: 'anonymous' } },
      { workflow: 'hello', version: 2, inputs: {}, by: { actor: 'anonymous' } },
    ]);
  });

  it.each([
    [{}, 'Give either'],
    [{ workflow: 'a', source: 'b' }, 'Give either'],
    [{ workflow: 'a', businessDate: '2026-02-31' }, 'businessDate'],
    [{ workflow: 'a', colour: 'red' }, 'colour'],
    [{ workflow: 'a', inputs: [1] }, 'inputs'],
  ])('refuses %j', async (body, words) => {
    const answer = await call('POST', '/runs', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(answer.body.detail).toContain(words);
  });

  it('reads the filters of the list', async () => {
    const answer = await call('GET', '/runs?status=running,held&status=failed&limit=7&after=c1');
    expect(answer.body).toEqual({ items: [SUMMARY], next: 'c2' });
    expect(services.filters).toEqual([
      { limit: 7, after: 'c1', statuses: ['running', 'held', 'failed'] },
    ]);
  });

  it.each(['limit=501', 'limit=0', 'limit=x', 'status=nice', 'colour=red'])(
    'refuses the query %s',
    async (query) => {
      expect(await call('GET', `/runs?${query}`)).toMatchObject({ status: 400 });
    },
  );

  it('finds runs by the beginning of their id', async () => {
    expect((await call('GET', '/runs?id=r-')).body.items).toEqual([SUMMARY]);
    expect((await call('GET', '/runs?id=zz')).body.items).toEqual([]);
  });

  it('shows tasks in pages', async () => {
    const asked: unknown[] = [];
    services.door.runs.inspect = (_, range) => {
      asked.push(range);
      return Promise.resolve({ ...VIEW, next: '7' });
    };
    expect((await call('GET', '/runs/r-1')).body.next).toBe('7');
    expect((await call('GET', '/runs/r-1/tasks?after=5&limit=2')).body.next).toBe('7');
    expect((await call('GET', '/runs/r-1/why?after=5&limit=2')).body.next).toBe('7');
    expect(asked).toEqual([
      { after: 0, limit: 500 },
      { after: 5, limit: 2 },
      { after: 5, limit: 2, open: true },
    ]);
    for (const query of ['limit=501', 'limit=0', 'after=-1'])
      expect(await call('GET', `/runs/r-1/tasks?${query}`)).toMatchObject({ status: 400 });
  });

  it('shows a run, its tasks, one task, and why they wait', async () => {
    const task = encodeURIComponent('two[3]');
    expect((await call('GET', '/runs/r-1')).body).toEqual(VIEW);
    expect((await call('GET', '/runs/r-1/tasks')).body.items).toEqual(VIEW.taskViews);
    expect((await call('GET', `/runs/r-1/tasks/${task}`)).body).toEqual(VIEW.taskViews[1]);
    const why = { task: 'two[3]', status: 'deciding', gates: VIEW.taskViews[1]?.gates };
    expect((await call('GET', '/runs/r-1/why')).body).toEqual({
      run: 'r-1',
      status: 'running',
      tasks: [why],
    });
    expect((await call('GET', `/runs/r-1/tasks/${task}/why`)).body).toEqual(why);
  });

  it.each([
    ['/runs/nope', 'run.unknown'],
    ['/runs/nope/why', 'run.unknown'],
    ['/runs/nope/events', 'run.unknown'],
    ['/runs/nope/logs', 'run.unknown'],
    ['/runs/r-1/tasks/nope', 'task.unknown'],
    ['/workflows/nope', 'workflow.unknown'],
    ['/workflows/nope/versions', 'workflow.unknown'],
    ['/workflows/hello/versions/9', 'version.unknown'],
    ['/nothing', 'route.unknown'],
  ])('%s is 404 %s', async (url, code) => {
    expect(await call('GET', url)).toMatchObject({ status: 404, body: { code, status: 404 } });
  });
});

describe('following', () => {
  const event = (seq: number) => ({
    run: 'r-1',
    seq,
    at: 9,
    type: 'TaskEnded',
    task: 'one',
    attempt: 1,
    end: 'succeeded',
    data: '{"output":1}',
  });
  const chunk = (position: number) => ({
    run: 'r-1',
    task: 'one',
    attempt: 1,
    position,
    stream: 'out' as const,
    at: 3,
    text: `line ${position}`,
    cursor: null,
  });

  it('answers at once when there are events', async () => {
    services.eventRows = [event(0), event(1)];
    const { body } = await call('GET', '/runs/r-1/events?limit=1&wait=20s');
    expect(body).toMatchObject({ status: 'running', next: 0, more: true });
    expect(body.events).toEqual([
      {
        seq: 0,
        at: 9,
        type: 'TaskEnded',
        task: 'one',
        attempt: 1,
        end: 'succeeded',
        data: { output: 1 },
      },
    ]);
  });

  it('ends a page of large events sooner, and continues behind it: none is missed', async () => {
    const text = 'x'.repeat(250_000);
    services.eventRows = Array.from({ length: 200 }, (_, seq) => {
      return { ...event(seq), data: seq < 60 ? '{}' : JSON.stringify({ output: { text } }) };
    });
    const seen: number[] = [];
    let pages = 0;
    for (let more = true; more; pages++) {
      const after = seen.at(-1) ?? -1;
      const { body } = await call('GET', `/runs/r-1/events?limit=5000&after=${after}`);
      // The last portion that is asked for may be larger than those before it.
      expect(JSON.stringify(body.events).length).toBeLessThan(17_000_000);
      for (const { seq } of body.events as { seq: number }[]) seen.push(seq);
      expect(body.next).toBe(seen.at(-1));
      more = body.more as boolean;
    }
    expect(seen).toEqual(services.eventRows.map(({ seq }) => seq));
    expect(pages).toBeGreaterThan(1);
  });

  it('waits for the door, then reads again', async () => {
    const answer = call('GET', '/runs/r-1/events?after=4&wait=60s');
    const { commit } = await services.waiting;
    services.eventRows = [event(5)];
    commit();
    expect((await answer).body).toMatchObject({ next: 5, more: false, events: [{ seq: 5 }] });
  });

  it('does not wait for a run that is over', async () => {
    services.summary = { ...SUMMARY, status: 'succeeded' };
    const { body } = await call('GET', '/runs/r-1/events?after=4&wait=60s');
    expect(body).toEqual({ status: 'succeeded', events: [], next: 4, more: false });
  });

  it('answers waiting requests when the server closes', async () => {
    const answer = call('GET', '/runs/r-1/events?wait=60s');
    await services.waiting;
    await app.close();
    expect(await answer).toMatchObject({ status: 200, body: { events: [], next: -1 } });
  });

  it('waits for log chunks', async () => {
    services.onLogRead = (reads) => {
      if (reads === 3) services.logRows = [chunk(0), chunk(1)];
    };
    const { body } = await call('GET', '/runs/r-1/logs?wait=60s');
    expect(body).toMatchObject({ status: 'running', next: '1', more: false });
    expect(body.chunks.map((one: { text: string }) => one.text)).toEqual(['line 0', 'line 1']);
  });

  it('gives the cursor back when there is nothing new', async () => {
    const { body } = await call('GET', '/runs/r-1/logs?after=7');
    expect(body).toEqual({ status: 'running', chunks: [], next: '7', more: false });
  });

  it.each(['wait=soon', 'after=-2', 'after=x'])('refuses the query %s', async (query) => {
    expect(await call('GET', `/runs/r-1/events?${query}`)).toMatchObject({ status: 400 });
  });
});

describe('workflows', () => {
  it('deploys', async () => {
    const answer = await call('POST', '/workflows', { source: 'workflow: hello', file: 'h.yaml' });
    expect(answer).toMatchObject({
      status: 201,
      body: { workflow: 'hello', version: 2, changed: true },
    });
  });

  it('gives every mistake of a file', async () => {
    const answer = await call('POST', '/workflows', { source: 'wrong', file: 'h.yaml' });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'workflow.invalid', problems: [{ line: 3, column: 5 }] },
    });
  });

  it('validates without deploying', async () => {
    expect((await call('POST', '/validate', { source: 'wrong' })).body.valid).toBe(false);
    expect((await call('POST', '/validate', { source: 'ok' })).body.workflow).toBe('hello');
    expect(services.commands).toEqual([]);
  });

  it('lists and reads', async () => {
    expect((await call('GET', '/workflows')).body.items).toHaveLength(1);
    expect((await call('GET', '/workflows/hello')).body).toMatchObject({ version: 1 });
    expect((await call('GET', '/workflows/hello/versions')).body.items[0]).toEqual({
      workflow: 'hello',
      version: 1,
      directory: '/w',
      deployedAt: 5,
      by: { actor: 'ada' },
    });
    expect((await call('GET', '/workflows/hello/versions/1')).body.source).toBe(
      'workflow: hello\n',
    );
  });
});

describe('the server', () => {
  it('lists systems without their configuration', async () => {
    expect((await call('GET', '/systems')).body.items).toEqual([{ name: 'ledger', kind: 'sql' }]);
  });

  it('lists actions with JSON Schemas', async () => {
    const [action] = (await call('GET', '/actions')).body.items;
    expect(action).toMatchObject({
      name: 'shell.run',
      input: { type: 'object', properties: { script: { type: 'string' } } },
    });
  });

  it('lives, and is ready when nothing stalls', async () => {
    expect(await call('GET', '/healthz')).toMatchObject({
      status: 200,
      body: { pid: process.pid },
    });
    expect(await call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    services.fullDisk = ['no shell job can start'];
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { stalls: ['no shell job can start'] },
    });
    services.databaseIsDown = true;
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { stalls: ['The database does not answer.'] },
    });
    services.stalled = ['The journal is 12 s behind.'];
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { stalls: ['The journal is 12 s behind.'] },
    });
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200 });
  });
});

describe('who may call', () => {
  it.each(['evil.example', 'evil.example:7700', 'localhost.evil.example'])(
    'refuses the host %j',
    async (host) => {
      expect(await call('GET', '/runs', undefined, { host })).toMatchObject({
        status: 403,
        body: { code: 'request.foreign' },
      });
    },
  );

  it.each(['localhost:1', '127.0.0.1:7700', '[::1]:7700', 'LOCALHOST'])(
    'answers to %j',
    async (host) => {
      expect(await call('GET', '/runs', undefined, { host })).toMatchObject({ status: 200 });
    },
  );

  it('refuses pages of other origins, also for requests that need no preflight', async () => {
    const headers = { host: 'localhost:7700', origin: 'http://evil.example' };
    expect(await call('POST', '/runs/r-1/cancel', undefined, headers)).toMatchObject({
      status: 403,
    });
    const plain = { host: 'localhost:7700', 'content-type': 'text/plain' };
    expect(await call('POST', '/runs/r-1/cancel', { a: 1 }, plain)).toMatchObject({ status: 400 });
    expect(services.commands).toEqual([]);
  });

  it('refuses a body of more than 32 MB', async () => {
    const answer = await call('POST', '/workflows', { source: 'x'.repeat(33 * 1024 * 1024) });
    expect(answer).toMatchObject({ status: 413, body: { code: 'request.too-large' } });
  });

  it('says where JSON ends', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/runs',
      headers: { 'content-type': 'application/json' },
      payload: '{"workflow": ',
    });
    expect(answer.json()).toMatchObject({ status: 400, code: 'request.invalid' });
  });
});

it('listens on a free port', async () => {
  const server = await listen(app, '127.0.0.1', 0);
  const answer = await fetch(`${server.url}/healthz`);
  expect(answer.status).toBe(200);
  const another = await createApp(services, { access: OPEN, version: '0.0.0' });
  await expect(listen(another, '127.0.0.1', server.port)).rejects.toMatchObject({
    code: 'port.in-use',
  });
  await another.close();
  await server.close();
});
