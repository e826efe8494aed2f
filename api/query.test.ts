/** No route leaves a query parameter out of account that it does not have. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS, pathOf } from '../protocol/routes.ts';
import { FakeServices, OPEN } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp } from './server.ts';

let services: FakeServices;
let app: App;
beforeAll(async () => {
  services = new FakeServices();
  app = await createApp(services, { access: OPEN, version: '0.0.0' });
});
afterAll(() => app.close());

const detailOf = async (method: 'GET' | 'POST', url: string) => {
  const answer = await app.inject({ method, url });
  expect([url, answer.statusCode]).toEqual([url, 400]);
  const body = answer.json();
  expect(body.code).toBe('request.invalid');
  return String(body.detail);
};

describe('an unknown query parameter', () => {
  it.each(OPERATIONS)('is refused by %s, which names those that it has', async (_name, route) => {
    const known = Object.keys(route.schema.querystring?.shape ?? {});
    const path = pathOf(route).replaceAll(/:\w+/g, 'x');
    const detail = await detailOf(route.method, `${path}?nosuchthing=1`);
    expect(detail).toContain('there is no query parameter "nosuchthing"');
    expect(detail).toContain(known.length === 0 ? 'This route has none.' : known.join(', '));
    expect(services.commands).toEqual([]);
  });

  it.each(['/api/openapi.json', '/enter'])('is refused by %s, too', async (path) => {
    expect(await detailOf('GET', `${path}?nosuchthing=1`)).toContain('"nosuchthing"');
  });

  it('is answered with the one that was meant', async () => {
    expect(await detailOf('GET', '/api/v1/runs?limt=5')).toContain('did you mean "limit"?');
    expect(await detailOf('GET', '/api/v1/workflows/n?version=3')).toContain('"version"');
    expect(await detailOf('GET', '/api/v1/runs?__proto__=1')).toContain('"__proto__"');
  });

  it('may be a name that every object has', async () => {
    expect(await detailOf('GET', '/api/v1/runs?constructor=1')).toContain('"constructor"');
  });
});
