import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TuttiError } from '../model/errors.ts';
import { FakeServices, OPEN } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp } from './server.ts';

let services: FakeServices;
let app: App;
beforeEach(async () => {
  services = new FakeServices();
  app = await createApp(services, { access: OPEN, version: '0.0.0' });
});
afterEach(() => app.close());

const KEY = { 'idempotency-key': 'k-1' };
const post = (url: string, payload: object, headers: Record<string, string> = KEY) =>
  app.inject({ method: 'POST', url: `/api/v1${url}`, headers, payload });
const start = (headers?: Record<string, string>, workflow = 'hello') =>
  post('/runs', { workflow }, headers);

describe('a request with an Idempotency-Key', () => {
  it('is carried out once and answered the same twice', async () => {
    const first = await start();
    const second = await start();
    expect(services.commands).toHaveLength(1);
    expect(second.statusCode).toBe(201);
    expect(second.json()).toEqual(first.json());
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
  });

  it('gives its mark to the run that it starts and to the events of its commands', async () => {
    await start();
    await post('/runs/r-1/hold', { reason: 'x' }, { 'idempotency-key': 'k-2' });
    expect(services.commands).toMatchObject([
      { run: 'id-1', by: { request: 'id-1' } },
      { type: 'HoldRun', by: { reason: 'x', request: 'id-2' } },
    ]);
  });

  it('is refused with another body, another path or by another person', async () => {
    await start();
    const others = [
      await start(KEY, 'other'),
      await post('/runs/r-1/hold', {}),
      await start({ ...KEY, 'x-tutti-actor': 'eve' }),
    ];
    expect(others.map((answer) => answer.json().code)).toEqual(Array(3).fill('request.differs'));
    expect(services.commands).toHaveLength(1);
  });

  it('is refused while the first is under way', async () => {
    let finish: (value: { refused: false; run: string }) => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      services.door.commands.start = () => {
        resolve();
        return new Promise((done) => {
          finish = done;
        });
      };
    });
    const first = start();
    await begun;
    expect((await start()).json()).toMatchObject({ code: 'request.under-way', retry: true });
    finish({ refused: false, run: 'r-9' });
    expect((await first).json()).toEqual({ run: 'r-9' });
    expect((await start()).json()).toEqual({ run: 'r-9' });
  });

  it('keeps a refusal, but not what may go well the next time', async () => {
    services.refusal = { refused: true, code: 'run.exists', message: 'no' };
    await start();
    services.refusal = null;
    expect((await start()).json()).toMatchObject({ code: 'run.exists' });
    services.thrown = new TuttiError('node.stopping');
    await start({ 'idempotency-key': 'k-2' });
    services.thrown = null;
    expect((await start({ 'idempotency-key': 'k-2' })).statusCode).toBe(201);
  });

  it('after an interruption looks for what it did already', async () => {
    services.thrown = new TuttiError('internal', 'the answer was lost');
    await start();
    await post('/runs/r-1/hold', {}, { 'idempotency-key': 'k-2' });
    services.thrown = null;
    services.commands = [];
    services.summary = { ...services.summary, id: 'id-1' };
    services.marks.add('r-1 id-2');
    expect((await start()).json()).toEqual({ run: 'id-1' });
    expect((await post('/runs/r-1/hold', {}, { 'idempotency-key': 'k-2' })).json()).toEqual({
      run: 'r-1',
    });
    expect(services.commands).toEqual([]);
  });

  it('and does it when it left no mark', async () => {
    services.thrown = new TuttiError('internal', 'the answer was lost');
    await post('/runs/r-1/hold', {});
    services.thrown = null;
    services.commands = [];
    await post('/runs/r-1/hold', {});
    expect(services.commands).toHaveLength(1);
  });

  it.each(['', 'ä', 'two words', 'x'.repeat(201)])('is refused with the key %j', async (key) => {
    const answer = await start({ 'idempotency-key': key });
    expect(answer.json()).toMatchObject({ code: 'request.invalid' });
  });
});

describe('bulk commands', () => {
  it('counts what a filter finds', async () => {
    const filter = { status: ['failed'], from: '2026-03-01T00:00:00Z', businessDate: '2026-03-01' };
    const answer = await post('/bulk/count', { filter }, {});
    expect(answer.json()).toEqual({ count: 7 });
    expect(services.filters).toEqual([
      { statuses: ['failed'], businessDate: '2026-03-01', from: Date.UTC(2026, 2, 1) },
    ]);
  });

  it('wants a condition, or the word all', async () => {
    expect((await post('/bulk/count', { filter: {} }, {})).json()).toMatchObject({
      code: 'request.invalid',
    });
    expect((await post('/bulk/count', { filter: { all: true } }, {})).json()).toEqual({ count: 7 });
    expect(services.filters).toEqual([{}]);
  });

  it('begins, is looked at and is stopped', async () => {
    services.bulkRow = {
      id: 'id-1',
      verb: 'cancel',
      filter: { statuses: ['running'] },
      by: { actor: 'ada', reason: 'fire' },
      createdAt: 5,
      endedAt: null,
      cancelledAt: null,
      total: 7,
      done: 2,
      refused: 1,
    };
    const body = { verb: 'cancel', filter: { status: 'running' }, expected: 7, reason: 'fire' };
    const begun = await post('/bulk', body, { 'x-tutti-actor': 'ada' });
    expect(begun.statusCode).toBe(202);
    expect(begun.headers['location']).toBe('/api/v1/bulk/id-1');
    expect(services.commands).toEqual([
      {
        id: 'id-1',
        verb: 'cancel',
        filter: { statuses: ['running'] },
        expected: 7,
        by: { actor: 'ada', reason: 'fire' },
      },
    ]);
    const looked = await app.inject('/api/v1/bulk/id-1');
    expect(looked.json()).toMatchObject({
      status: 'running',
      total: 7,
      refusals: [{ run: 'r-2', code: 'run.wrong-status', message: 'it is over' }],
    });
    await post('/bulk/id-1/cancel', {}, {});
    expect(services.commands).toContainEqual({ cancelBulk: 'id-1' });
    expect((await app.inject('/api/v1/bulk')).json().items).toHaveLength(1);
    expect((await app.inject('/api/v1/bulk/id-2')).json()).toMatchObject({ code: 'bulk.unknown' });
  });
});
