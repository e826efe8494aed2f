import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeServices, OPEN } from '../services.fake.ts';
import type { App } from '../app.ts';
import { createApp } from '../server.ts';

let services: FakeServices;
let app: App;
beforeEach(async () => {
  services = new FakeServices();
  app = await createApp(services, { access: OPEN, version: '0.0.0' });
});
afterEach(() => app.close());

const post = (url: string, payload: object) =>
  app.inject({ method: 'POST', url: `/api/v1${url}`, payload });

it('counts unless it is told to delete, by times that the ages mean now', async () => {
  const before = Date.now();
  const answer = await post('/retention', {
    olderThan: '90d',
    logsOlderThan: '36h',
    workflow: 'w',
  });
  expect(answer.statusCode).toBe(202);
  const { id, endedBefore, logsBefore, ...view } = answer.json();
  expect(answer.headers['location']).toBe(`/api/v1/retention/${id}`);
  expect(view).toMatchObject({ status: 'running', applies: false, workflow: 'w', archive: null });
  expect(endedBefore).toBeGreaterThanOrEqual(before - 90 * 86_400_000);
  expect(logsBefore - endedBefore).toBe((90 * 24 - 36) * 3_600_000);
  expect(services.commands).toMatchObject([{ id, scope: { applies: false } }]);
});

it('is looked at, listed and stopped', async () => {
  const begun = (await post('/retention', { olderThan: '1d', apply: true })).json();
  expect((await app.inject(`/api/v1/retention/${begun.id}`)).json()).toEqual(begun);
  expect((await app.inject('/api/v1/retention')).json()).toEqual({ items: [begun], next: null });
  await post(`/retention/${begun.id}/cancel`, {});
  expect(services.commands).toContainEqual({ cancelRetention: begun.id });
  const unknown = await app.inject('/api/v1/retention/nope');
  expect(unknown.json()).toMatchObject({ status: 404, code: 'retention.unknown' });
});

it.each([
  {},
  { olderThan: '90' },
  { olderThan: '59s' },
  { olderThan: '-1d' },
  { logsOlderThan: 'soon' },
  { olderThan: '1d', archive: '' },
  { olderThan: '1d', keep: true },
])('is refused as %j', async (body) => {
  expect((await post('/retention', body)).json()).toMatchObject({ code: 'request.invalid' });
  expect(services.commands).toEqual([]);
});
