import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { INTERRUPTED_EXIT } from './lifetime.ts';
import { patientFetch } from './patience.ts';
import { call, ListeningTerminal } from './terminal.fake.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Takes connections and says nothing; `asked` resolves with the first. */
async function silentServer() {
  let heard: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (heard = resolve));
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => heard());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('a server that takes the connection and never answers', () => {
  it.each([
    ['runs'],
    ['show', '0192f0'],
    ['why', '0192f0'],
    ['logs', '0192f0', '--follow'],
    ['nodes'],
    ['systems'],
    ['cancel', '0192f0'],
    ['run', 'hello'],
  ])('does not keep `tutti %s` from ending on the first signal', async (...words) => {
    const { url, asked } = await silentServer();
    const terminal = new ListeningTerminal('/', { TUTTI_URL: url });
    const command = call(terminal, words);
    await asked;
    command.interrupt();
    expect(await command.code).toBe(INTERRUPTED_EXIT);
  });

  it('is told, once, while it is waited for', async () => {
    const { url } = await silentServer();
    const ending = new AbortController();
    const said: string[] = [];
    let heard: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (heard = resolve));
    const patience = {
      signal: ending.signal,
      say: (text: string) => {
        said.push(text);
        heard();
      },
    };
    const ask = patientFetch(patience, 10);
    const both = Promise.allSettled([ask(`${url}/a`), ask(`${url}/b`)]);
    await first;
    ending.abort();
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(said).toEqual([
      `${url} has not answered for 0 s. Still waiting; press Ctrl-C to end this command.\n`,
    ]);
  });
});
