/** The page for Prometheus: text, guarded as everything else. */
import { expect, it } from 'vitest';
import { Metrics } from '../../watch/metrics/metrics.ts';
import { FakeServices, OPEN } from '../services.fake.ts';
import { createApp } from '../server.ts';

const HOST = { host: '127.0.0.1:7700' };

it('answers with text that Prometheus reads, of Tutti and of the process', async () => {
  const metrics = new Metrics({ version: '9', now: () => 0 });
  const app = await createApp(Object.assign(new FakeServices(), { metrics }), {
    access: OPEN,
    version: '9',
  });
  const reply = await app.inject({ url: '/metrics', headers: HOST });
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(reply.body).toContain('tutti_build_info{version="9"} 1\n');
  expect(reply.body).toContain('# TYPE nodejs_eventloop_lag_p99_seconds gauge\n');
  const foreign = await app.inject({ url: '/metrics', headers: { host: 'evil.example' } });
  expect(foreign.statusCode).toBe(403);
  await app.close();
});

it('is not there in a server that measures nothing', async () => {
  const app = await createApp(new FakeServices(), { access: OPEN, version: '9' });
  expect((await app.inject({ url: '/metrics', headers: HOST })).statusCode).toBe(404);
  await app.close();
});
