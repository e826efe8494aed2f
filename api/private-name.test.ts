import { once } from 'node:events';
import {
  createServer as createNetServer,
  type AddressInfo,
  type Server as NetServer,
} from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { requires } from '../tests/requires.ts';
import { ACCESS, FakeServices } from './services.fake.ts';
import type { App } from './app.ts';
import { PrivateName } from './private-name.ts';
import { createApp, listen } from './server.ts';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0 Safari/537.36';
const bearer = { authorization: `Bearer ${ACCESS.token}` };
const apps: App[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

interface Serving {
  readonly port: number;
  readonly enter: (userAgent: string) => Promise<Response>;
}

async function serve(port = 0): Promise<Serving> {
  const app = await createApp(new FakeServices(), { access: ACCESS, version: '0' });
  apps.push(app);
  const server = await listen(app, '127.0.0.1', port);
  const enter = async (userAgent: string) => {
    const made = await fetch(`${server.url}/api/v1/links`, { method: 'POST', headers: bearer });
    const { path } = (await made.json()) as { path: string };
    return fetch(server.url + path, { headers: { 'user-agent': userAgent }, redirect: 'manual' });
  };
  return { port: server.port, enter };
}

describe('a browser that gets in', () => {
  it('is led to a name of its own, at the same port and with its link unused', async () => {
    const { port, enter } = await serve();
    const answer = await enter(CHROME);
    expect(answer.headers.get('set-cookie')).toBeNull();
    const {
      hostname,
      port: there,
      pathname,
      search,
    } = new URL(answer.headers.get('location') ?? '');
    expect([hostname, there, pathname]).toEqual([
      new PrivateName(ACCESS.token).host,
      `${port}`,
      '/enter',
    ]);
    expect(hostname).toMatch(/^[0-9a-f]{32}\.localhost$/);
    const headers = { host: `${hostname}:${port}` };
    const arrived = await apps[0]?.inject({ url: pathname + search, headers });
    expect(arrived).toMatchObject({ statusCode: 303, headers: { location: '/api/docs' } });
    expect(String(arrived?.headers['set-cookie'])).not.toContain('Domain');
  });

  it('stays when it may not know such names', async () => {
    const { enter } = await serve();
    const answer = await enter('Version/26.0 Safari/605.1.15');
    expect(answer.headers.get('location')).toBe('/api/docs');
  });
});

const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
requires(
  'IPv6',
  HAS_IPV6,
  'the loopback interface has no ::1',
)('the other loopback', () => {
  const sixAt = async (port: number): Promise<NetServer> => {
    const server = createNetServer((socket) => socket.destroy());
    await once(server.listen({ host: '::1', port, ipv6Only: true }), 'listening');
    return server;
  };

  it('is served too, for a browser may ask there first', async () => {
    const { port } = await serve();
    expect((await fetch(`http://[::1]:${port}/healthz`)).status).toBe(200);
    await expect(sixAt(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('makes the name unused when it is somebody else’s', async () => {
    const other = await sixAt(0);
    const { enter } = await serve((other.address() as AddressInfo).port);
    const answer = await enter(CHROME);
    expect(answer.headers.get('location')).toBe('/api/docs');
    other.close();
  });
});
