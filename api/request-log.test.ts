/** What the log says of requests. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { App } from './app.ts';
import { createApp } from './server.ts';
import { ACCESS, FakeServices } from './services.fake.ts';

let lines: Record<string, unknown>[];
let app: App;

async function open(level: string): Promise<void> {
  lines = [];
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  app = await createApp(new FakeServices(), {
    access: ACCESS,
    version: '0',
    log: pino({ level }, { write }),
  });
}
beforeEach(() => open('info'));
afterEach(() => app.close());

const headers = { host: 'localhost:80', authorization: `Bearer ${ACCESS.token}` };

it('says who changed what, under the id that the answer bears', async () => {
  const url = '/api/v1/runs/r-1/hold?because=private';
  const actor = { 'x-tutti-actor': 'eve' };
  const answer = await app.inject({
    method: 'POST',
    url,
    headers: { ...headers, ...actor },
    payload: {},
  });
  const [line, ...more] = lines.filter(({ msg }) => String(msg).startsWith('POST'));
  expect(more).toEqual([]);
  expect(line).toMatchObject({
    msg: 'POST /api/v1/runs/r-1/hold',
    status: answer.statusCode,
    actor: 'eve',
  });
  expect(line?.['request']).toBe(answer.headers['x-request-id']);
  expect(line?.['ms']).toBeGreaterThanOrEqual(0);
  expect(JSON.stringify(lines)).not.toContain('private');
});

it('keeps the id of the caller, if it is one word', async () => {
  const idOf = async (id: string) =>
    (await app.inject({ url: '/api/v1/runs', headers: { ...headers, 'x-request-id': id } }))
      .headers['x-request-id'];
  expect(await idOf('order-4711:a.b')).toBe('order-4711:a.b');
  for (const id of ['two words', 'x'.repeat(101), '{"a":1}'])
    expect(await idOf(id)).toMatch(/^[\da-f-]{36}$/);
});

it('says what was refused, also of who only reads', async () => {
  await app.inject({ url: '/api/v1/runs', headers: { host: 'localhost:80' } });
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'GET /api/v1/runs', status: 401 }));
});

it('says what was read only when it is asked to', async () => {
  await app.inject({ url: '/api/v1/runs', headers });
  expect(lines).toEqual([]);
  await app.close();
  await open('debug');
  await app.inject({ url: '/api/v1/runs', headers });
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'GET /api/v1/runs', status: 200 }));
});
