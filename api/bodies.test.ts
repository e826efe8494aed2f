import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { readBodies } from './bodies.ts';
import type { App } from './app.ts';
import { answerProblem } from './problem.ts';

/** The largest that always passes. */
const SMALL_BYTES = 64 * 1024;
const LIMIT = SMALL_BYTES * 4;
const body = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - 11) });

let app: App;
afterEach(() => app.close());

/** `entered` resolves when the handler has its body; it answers when `leave` is called. */
function appWithGate() {
  let leave = () => {};
  let enter = () => {};
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const left = new Promise<void>((resolve) => (leave = resolve));
  app = fastify();
  app.setErrorHandler(answerProblem);
  readBodies(app, LIMIT);
  app.post('/slow', async () => {
    enter();
    await left;
    return {};
  });
  app.post('/fast', { bodyLimit: LIMIT * 2 }, async ({ body: read }) => ({ read: typeof read }));
  return { entered, leave: () => leave() };
}

const post = (url: string, payload: string | Buffer) =>
  app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });

describe('large bodies', () => {
  it('are refused while as many are held as there is room for, and small ones are not', async () => {
    const { entered, leave } = appWithGate();
    const slow = post('/slow', body(SMALL_BYTES * 3.5));
    await entered;
    const refused = await post('/fast', body(SMALL_BYTES * 2));
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ code: 'server.busy', retry: true });
    expect((await post('/fast', body(SMALL_BYTES))).statusCode).toBe(200);
    leave();
    expect((await slow).statusCode).toBe(200);
    expect((await post('/fast', body(SMALL_BYTES * 2))).statusCode).toBe(200);
  });

  it('are told how large they may be on their route', async () => {
    appWithGate();
    const refused = await post('/slow', body(2 * 1024 * 1024));
    expect(refused.json().detail).toMatch(/2 MB: at most 0.3 MB|larger than 1 MB/);
  });
});

describe('a body that is no JSON to be kept', () => {
  it.each([
    ['a nesting of 101', '['.repeat(101) + ']'.repeat(101), 'nested deeper than 100 levels'],
    ['a large integer', '{"id":9007199254740993}', 'quote it'],
    ['an infinite number', '{"n":1e999}', 'too large'],
    ['a key twice', '{"a":1,"a":2}', 'occurs twice'],
    ['U+0000', '{"a":"\\u0000"}', 'U+0000'],
    ['half a character', '{"a":"\\ud83d"}', 'surrogate'],
    ['__proto__', '{"__proto__":1}', 'rename it'],
    ['Latin-1', Buffer.from('{"a":"ö"}', 'latin1'), '0xF6'],
    ['UTF-16', Buffer.from('{"a":"ö"}', 'utf16le'), 'UTF-16'],
    ['nothing', '{"a":', 'line 1, column 6'],
  ])('is refused in words: %s', async (_name, payload, words) => {
    appWithGate();
    const answer = await post('/fast', payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'request.invalid' });
    expect(answer.json().detail).toContain(words);
  });

  it('is read with a mark at its start', async () => {
    appWithGate();
    expect((await post('/fast', Buffer.from('\ufeff{"a":1}'))).json()).toEqual({ read: 'object' });
  });
});
