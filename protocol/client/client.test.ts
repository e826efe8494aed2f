import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../routes.ts';
import type { ProblemDocument } from '../problem.ts';
import { ApiRefusal, type ClientOptions, createClient, NoAnswer } from './client.ts';

interface Sent {
  readonly url: string;
  readonly method: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}
type Answer = { readonly status?: number; readonly body: unknown } | Error | string;

/** A server that gives these answers one after the other, and a client of it. */
function talk(answers: readonly Answer[], options: Partial<ClientOptions> = {}) {
  const sent: Sent[] = [];
  const waits: number[] = [];
  const rest = [...answers];
  const client = createClient({
    url: 'http://tutti/',
    actor: 'Ada Ü',
    pause: async (ms) => void waits.push(ms),
    fetch: async (url, init) => {
      const headers = Object.fromEntries(new Headers(init?.headers));
      const text = typeof init?.body === 'string' ? init.body : 'null';
      sent.push({ url: url as string, method: init?.method, headers, body: JSON.parse(text) });
      const answer = rest.shift() ?? new Error('nobody listens any more');
      if (answer instanceof Error) throw answer;
      if (typeof answer === 'string') return new Response(answer);
      return new Response(JSON.stringify(answer.body), { status: answer.status ?? 200 });
    },
    ...options,
  });
  return { client, sent, waits };
}

const refused = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
});
const reset = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
});
const problem: ProblemDocument = {
  type: '/docs/errors#run.unknown',
  title: 'There is no such run',
  status: 404,
  detail: 'There is no run "x".',
  code: 'run.unknown',
  next: 'List runs with `tutti runs`.',
  retry: false,
  problems: [],
};

describe('the client', () => {
  it('has a method for every route, and nothing is named twice in a route', () => {
    const { client } = talk([]);
    expect(Object.keys(client)).toEqual([...OPERATIONS.map(([operation]) => operation), 'url']);
    const twice = OPERATIONS.filter(([, { schema }]) => {
      const body = schema.body !== undefined && 'shape' in schema.body ? schema.body.shape : {};
      const parts = [schema.params?.shape ?? {}, schema.querystring?.shape ?? {}, body as object];
      const names = parts.flatMap((part) => Object.keys(part));
      return new Set(names).size < names.length;
    });
    expect(twice).toEqual([]);
  });

  it('puts each parameter where the route has it', async () => {
    const { client, sent } = talk([{ body: { run: 'r 1' } }, { body: { items: [], next: null } }]);
    await client.steerTask({ run: 'r 1', task: 'a[3]', to: 'b', reason: undefined });
    await client.listRuns({ status: ['running', 'held'], limit: 7, workflow: undefined });
    expect(sent[0]).toEqual({
      url: 'http://tutti/api/v1/runs/r%201/tasks/a%5B3%5D/steer',
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'x-tutti-actor': 'Ada%20%C3%9C',
      },
      body: { to: 'b' },
    });
    expect(sent[1]?.url).toBe('http://tutti/api/v1/runs?status=running&status=held&limit=7');
  });

  it('sends no body where none is needed', async () => {
    const { client, sent } = talk([{ body: { run: 'r' } }]);
    await client.holdRun({ run: 'r' }, { idempotencyKey: 'k-1' });
    expect(sent[0]?.headers).not.toHaveProperty('content-type');
    expect(sent[0]?.headers['idempotency-key']).toBe('k-1');
  });

  it('says what is wrong with a request before it is sent', async () => {
    const { client, sent } = talk([]);
    await expect(client.startRun({ workflow: 'a', source: 'b' })).rejects.toMatchObject({
      code: 'request.invalid',
    });
    const wish = { run: 'r', colour: 'red' };
    await expect(client.getRun(wish)).rejects.toThrow('colour');
    expect(sent).toEqual([]);
  });

  it('throws what the server refuses, with its document', async () => {
    const { client } = talk([{ status: 404, body: problem }]);
    const error = await client.getRun({ run: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiRefusal);
    expect(error).toMatchObject({ message: problem.detail, problem });
  });

  it('does not believe what is not an answer of Tutti', async () => {
    const { client } = talk([{ body: { hello: 'world' } }, { status: 502, body: 'Bad gateway' }]);
    await expect(client.getRun({ run: 'x' })).rejects.toThrow('does not answer like Tutti');
    await expect(client.getRun({ run: 'x' })).rejects.toThrow('answered 502');
  });

  it('takes 503 of /readyz for the answer that it is', async () => {
    const stalled = {
      status: 'stalled',
      stalls: ['The database does not answer.'],
      pid: 1,
      auth: 'token',
    };
    const { client, sent } = talk([{ status: 503, body: stalled }]);
    expect(await client.checkReadiness()).toEqual(stalled);
    expect(sent[0]?.url).toBe('http://tutti/readyz');
  });
});

describe('no answer', () => {
  const again = async () => 'http://other';

  it('is told, with whether anything was sent', async () => {
    const { client } = talk([refused, reset]);
    await expect(client.getRun({ run: 'x' })).rejects.toMatchObject({ arrived: 'no' });
    await expect(client.getRun({ run: 'x' })).rejects.toMatchObject({
      arrived: 'unknown',
      code: 'server.unreachable',
    });
  });

  it('repeats what reads, at the place that it is told', async () => {
    const { client, sent } = talk([reset, { body: { items: [], next: null } }], { again });
    await client.listRuns();
    expect(sent.map(({ url }) => url)).toEqual([
      'http://tutti/api/v1/runs',
      'http://other/api/v1/runs',
    ]);
    expect(client.url()).toBe('http://other');
  });

  it('never repeats a command that may have arrived', async () => {
    const { client, sent } = talk([reset], { again });
    await expect(client.cancelRun({ run: 'r' })).rejects.toBeInstanceOf(NoAnswer);
    expect(sent).toHaveLength(1);
  });

  it.each([
    ['with a key', reset, { idempotencyKey: 'k' }],
    ['that was not sent', refused, {}],
  ])('repeats a command %s', async (_, error, options) => {
    const { client, sent } = talk([error, { body: { run: 'r' } }], { again });
    await client.cancelRun({ run: 'r' }, options);
    expect(sent).toHaveLength(2);
  });

  it('gives up where there is no other place', async () => {
    const { client, sent } = talk([refused, refused], {
      again: async (attempt) => (attempt === 1 ? 'http://other' : null),
    });
    await expect(client.getRun({ run: 'x' })).rejects.toThrow('http://other');
    expect(sent).toHaveLength(2);
  });
});

describe('streamEvents', () => {
  const event = (seq: number) => ({
    run: 'r',
    workflow: 'w',
    seq,
    at: 1,
    type: 'TaskEnded',
    task: 't',
    attempt: 1,
    end: 'succeeded',
    data: {},
  });
  const text = (...seqs: number[]) =>
    seqs.map((seq) => `id: p${seq}\ndata: ${JSON.stringify(event(seq))}\n\n`).join('');

  it('resumes after the last event that was whole', async () => {
    const { client, sent, waits } = talk([
      `retry: 10\nid: p0\n\n${text(1, 2)}data: {"cut`,
      `${text(3)}: moved\nid: p9\n\n`,
      reset,
      text(10),
    ]);
    const seen: unknown[] = [];
    for await (const one of client.streamEvents({ run: 'r' })) {
      seen.push(one);
      if (one.seq === 10) break;
    }
    expect(seen).toEqual([1, 2, 3, 10].map((seq) => ({ ...event(seq), id: `p${seq}` })));
    const path = 'http://tutti/api/v1/events?run=r';
    expect(sent.map(({ url }) => url)).toEqual([
      path,
      `${path}&lastEventId=p2`,
      `${path}&lastEventId=p9`,
      `${path}&lastEventId=p9`,
    ]);
    expect(sent[0]?.headers['accept']).toBe('text/event-stream');
    // The first wait after a connection that brought something is the server's, then it doubles.
    expect(waits).toEqual([10, 10, 20]);
  });

  it('throws what is refused for good, and waits where it may be granted later', async () => {
    const full = { ...problem, code: 'stream.full', status: 503, retry: true };
    const { client, waits } = talk([
      { status: 503, body: full },
      { status: 404, body: problem },
    ]);
    const read = async () => {
      for await (const one of client.streamEvents({ run: 'x' })) expect(one).toBeUndefined();
    };
    await expect(read()).rejects.toBeInstanceOf(ApiRefusal);
    expect(waits).toEqual([1000]);
  });

  it('ends without an error when its signal aborts', async () => {
    const controller = new AbortController();
    const { client } = talk([text(1)], { pause: async () => controller.abort() });
    const seen = [];
    for await (const one of client.streamEvents({}, { signal: controller.signal })) {
      seen.push(one.seq);
    }
    expect(seen).toEqual([1]);
  });
});
