import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../protocol/client/client.ts';
import type { Client } from '../../protocol/client/client.ts';
import type { EventRow } from '../../journal/append.ts';
import { TuttiError } from '../../model/errors.ts';
import { FakeServices, OPEN } from '../services.fake.ts';
import { createApp, listen } from '../server.ts';
import type { RunningServer } from '../server.ts';
import type { StreamLimits } from './streams.ts';

let services: FakeServices;
let server: RunningServer;
let client: Client;
const open: IncomingMessage[] = [];

async function serve(streams: StreamLimits = {}): Promise<void> {
  services = new FakeServices();
  server = await listen(
    await createApp(services, { access: OPEN, version: '0', streams }),
    '127.0.0.1',
    0,
  );
  client = createClient({ url: server.url, fetch, pause: async () => undefined });
}
beforeEach(() => serve());
afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await server.close();
});

function event(seq: number, over: Partial<EventRow> = {}): EventRow {
  const row = {
    run: 'r-1',
    seq,
    at: 9,
    type: 'TaskEnded',
    task: 'a',
    attempt: 1,
    end: 'succeeded',
  };
  return { ...row, data: `{"output":${seq}}`, ...over };
}
const started = (run: string, workflow: string) =>
  event(0, { run, type: 'RunStarted', task: null, data: JSON.stringify({ workflow }) });

/** A connection of its own, so that it can be read slowly and cut. */
async function connect(query = '', headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const asked = httpRequest(`${server.url}/api/v1/events${query}`, { headers, agent: false });
  asked.on('error', () => undefined);
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  response.on('error', () => undefined);
  open.push(response);
  return response;
}

interface Heard {
  chunks: string[];
  look: () => void;
}
const heard = new WeakMap<IncomingMessage, Heard>();

function listenTo(response: IncomingMessage): Heard {
  const kept: Heard = { chunks: [], look: () => undefined };
  heard.set(response, kept);
  response.on('data', (chunk: string) => {
    kept.chunks.push(chunk);
    kept.look();
  });
  return kept;
}

/** What came since it was last asked, as soon as its end holds what is looked for. */
function readUntil(response: IncomingMessage, words: string): Promise<string> {
  const kept = heard.get(response) ?? listenTo(response);
  return new Promise((resolve) => {
    kept.look = () => {
      if (!kept.chunks.slice(-2).join('').includes(words)) return;
      kept.look = () => undefined;
      resolve(kept.chunks.splice(0).join(''));
    };
    kept.look();
  });
}

describe('the stream of all runs', () => {
  it('begins now, says where that is, and gives what is committed from then on', async () => {
    services.commit(event(0), event(1));
    const response = await connect();
    expect(response.headers['content-type']).toContain('text/event-stream');
    expect(await readUntil(response, '\n\n')).toBe('retry: 1000\nid: 2\n\n');
    services.commit(event(2));
    const text = await readUntil(response, '\n\n');
    const { data, ...rest } = event(2);
    const expected = { ...rest, workflow: 'hello', data: JSON.parse(data) };
    expect(text.startsWith('id: 3\ndata: ')).toBe(true);
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual(expected);
  });

  it('resumes after the place in the header, which goes before the query', async () => {
    services.commit(...Array.from({ length: 500 }, (_, seq) => event(seq)));
    const response = await connect('?lastEventId=3', { 'last-event-id': '450' });
    const text = await readUntil(response, 'id: 500\n');
    expect([...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))).toEqual(
      Array.from({ length: 50 }, (_, index) => 450 + index),
    );
  });

  it('keeps to workflow and types', async () => {
    const response = await connect('?workflow=other&types=RunStarted,RunEnded');
    await readUntil(response, '\n\n');
    services.commit(started('r-1', 'hello'), started('r-2', 'other'), event(1, { run: 'r-2' }));
    services.commit(event(2, { run: 'r-2', type: 'RunEnded' }));
    const text = await readUntil(response, 'RunEnded');
    expect([...text.matchAll(/id: (\d+)/g)].map(([, id]) => id)).toEqual(['2', '4']);
  });

  it('asks the journal once for a commit, however many listen', async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => connect()));
    await Promise.all(responses.map((one) => readUntil(one, '\n\n')));
    const before = services.feedReads;
    const answers = responses.map((one) => readUntil(one, 'data:'));
    services.commit(event(0));
    await Promise.all(answers);
    // Its own, and the looks after it: the number does not depend on the clients.
    expect(services.feedReads - before).toBeLessThan(6);
  });

  it('misses and doubles nothing for a client that is cut off every 100 events', async () => {
    const total = 2000;
    // Somebody else keeps the tail where it is: the place is found in its window.
    (await connect()).resume();
    const seen: number[] = [];
    let cuts = 0;
    const reading = (async () => {
      const fragile = createClient({ url: server.url, fetch: cutAfter(100, () => cuts++), pause });
      for await (const one of fragile.streamEvents({ lastEventId: '0' })) {
        seen.push(one.seq);
        if (one.seq === total - 1) return;
        if (one.seq % 50 === 0) commitMore();
      }
    })();
    let next = 0;
    function commitMore() {
      const rows = Array.from({ length: Math.min(120, total - next) }, () => event(next++));
      services.commit(...rows);
    }
    async function pause() {
      commitMore();
    }
    commitMore();
    await reading;
    expect(seen).toEqual(Array.from({ length: total }, (_, seq) => seq));
    expect(cuts).toBeGreaterThan(15);
  });
});

/** A network that breaks after so many events, in the middle of the next. */
function cutAfter(events: number, cut: () => void): typeof fetch {
  return async (url, init) => {
    const response = await fetch(url, init);
    let left = events;
    const cutting = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const lines = new TextDecoder().decode(chunk).split(/(?<=\n)/);
        for (const line of lines) {
          if (line.startsWith('data:')) left -= 1;
          if (left >= 0) controller.enqueue(new TextEncoder().encode(line));
        }
        if (left >= 0) return;
        cut();
        controller.enqueue(new TextEncoder().encode('id: 99999\ndata: {"cut'));
        controller.terminate();
      },
    });
    return new Response(response.body?.pipeThrough(cutting) ?? null, response);
  };
}

describe('the stream of one run', () => {
  it('begins with its history, goes on with the feed, and gives nothing twice', async () => {
    const rows = [started('r-1', 'hello'), event(1), event(2)];
    services.eventRows = rows;
    services.commit(...rows);
    const seen: string[] = [];
    for await (const one of client.streamEvents({ run: 'r-1' })) {
      seen.push(`${one.seq} ${one.type} ${one.workflow} ${one.id}`);
      if (one.seq === 2) {
        // In the feed again what the history gave: as if it had been committed in between.
        services.commit(event(2), event(9, { run: 'r-2' }), event(3));
      }
      if (one.seq === 3) break;
    }
    expect(seen).toEqual([
      '0 RunStarted hello 3~0',
      '1 TaskEnded hello 3~1',
      '2 TaskEnded hello 3~2',
      '3 TaskEnded hello 6~3',
    ]);
  });

  it('goes on in the history of the run, however far the feed has gone', async () => {
    services.eventRows = [started('r-1', 'hello'), event(1), event(2)];
    services.feedReads = 0;
    const [one] = await take(client.streamEvents({ run: 'r-1', lastEventId: '0~1' }), 1);
    expect(one).toMatchObject({ seq: 2, id: '0~2' });
  });

  it('takes a place of the stream of all', async () => {
    services.commit(started('r-1', 'hello'), event(1), event(7, { run: 'r-2' }), event(2));
    const seen = await take(client.streamEvents({ run: 'r-1', lastEventId: '1' }), 2);
    expect(seen.map(({ seq, id }) => [seq, id])).toEqual([
      [1, '2'],
      [2, '4'],
    ]);
  });

  it('is refused for a run that is not there, and a place that is none', async () => {
    await expect(take(client.streamEvents({ run: 'nope' }), 1)).rejects.toMatchObject({
      problem: { code: 'run.unknown' },
    });
    await expect(take(client.streamEvents({ lastEventId: 'a~b~c' }), 1)).rejects.toMatchObject({
      problem: { code: 'request.invalid' },
    });
  });
});

async function take<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const one of stream) if (taken.push(one) === count) break;
  return taken;
}

describe('many and slow clients', () => {
  it('refuses more streams than it allows, and takes one when another has gone', async () => {
    await server.close();
    await serve({ most: 2 });
    const first = await connect();
    await connect();
    const third = await connect();
    expect(third.statusCode).toBe(503);
    expect(await readUntil(third, '}')).toContain('stream.full');
    first.destroy();
    let status: number | undefined;
    do status = (await connect()).statusCode;
    while (status !== 200);
    expect(status).toBe(200);
  });

  it('holds nothing for a client that does not read, and gives it everything when it does', async () => {
    const response = await connect();
    await readUntil(response, '\n\n');
    response.pause();
    const total = 12_000;
    const filler = JSON.stringify({ output: 'x'.repeat(1000) });
    const other = await connect();
    const rows = Array.from({ length: total }, (_, seq) => event(seq, { data: filler }));
    const last = readUntil(other, `"seq":${total - 1},`);
    services.commit(...rows);
    await last;
    expect(response.socket.bytesRead).toBeLessThan(8 * 1024 * 1024);
    response.resume();
    const text = await readUntil(response, `"seq":${total - 1},`);
    const seqs = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
    expect(seqs).toEqual(rows.map(({ seq }) => seq));
  });

  it('says that it is alive, and moves the place for those whom nothing concerns', async () => {
    await server.close();
    await serve({ heartbeatMs: 1 });
    const response = await connect('?workflow=other');
    await readUntil(response, ': \n\n');
    services.commit(event(0), event(1));
    expect(await readUntil(response, 'id: 2\n')).not.toContain('data:');
  });

  it('ends when the server closes, and lets nobody in', async () => {
    const response = await connect();
    await readUntil(response, '\n\n');
    const ended = once(response, 'end');
    await server.close();
    await ended;
    expect(services.listeners.size).toBe(0);
  });

  it('is refused from a place whose events are deleted', async () => {
    const gone = new TuttiError('feed.gone', 'The earliest place is 7.');
    Object.assign(services.views, { feed: async () => Promise.reject(gone) });
    const reader = take(client.streamEvents({ lastEventId: '3' }), 1);
    await expect(reader).rejects.toMatchObject({ problem: { code: 'feed.gone', status: 410 } });
  });

  it('goes over a page of which all events are deleted', async () => {
    services.commit(...Array.from({ length: 600 }, (_, seq) => event(seq)));
    const feed = services.views.feed.bind(services.views);
    Object.assign(services.views, {
      feed: async (...args: Parameters<typeof feed>) => {
        const page = await feed(...args);
        return { ...page, items: page.items.filter((item) => item.event.seq > 500) };
      },
    });
    const response = await connect('?lastEventId=0');
    expect(await readUntil(response, '"seq":501')).not.toContain('"seq":500');
  });

  it('goes on when the journal could not be read for a while', async () => {
    const response = await connect();
    await readUntil(response, '\n\n');
    const feed = services.views.feed.bind(services.views);
    let tries = 0;
    Object.assign(services.views, {
      feed: async (...args: Parameters<typeof feed>) => {
        tries += 1;
        if (tries < 3) throw new Error('gone');
        return feed(...args);
      },
    });
    services.commit(event(0));
    expect(await readUntil(response, 'data:')).toContain('"seq":0');
  });
});
