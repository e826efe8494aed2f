/** What is known of a command that another node did not answer well. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ALL_TASKS } from '../model/task-range.ts';
import { peerAt } from './peer.ts';

const CANCEL = { type: 'CancelRun', run: 'r-1', by: { actor: 'ada', request: 'q-1' } } as const;
const tokenFor = (address: string) => `node of ${address}`;
let server: Server | undefined;

async function answering(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

it('brings the command whole, with who asks and through whom, and the answer back', async () => {
  let asked: unknown;
  const url = await answering((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(parts).toString());
      asked = { url: request.url, by: request.headers.authorization, body };
      response.end(JSON.stringify({ refused: false, run: 'r-1' }));
    });
  });
  expect(await peerAt(`${url}/`, tokenFor, 5_000).submit(CANCEL)).toEqual({
    refused: false,
    run: 'r-1',
  });
  expect(asked).toEqual({
    url: '/api/v1/nodes/commands',
    by: `Bearer node of ${url}`,
    body: CANCEL,
  });
});

it.each([
  'ftp://127.0.0.1:1',
  'http://127.0.0.1:1/#',
  'http://127.0.0.1:1/?a=',
  'http://a:b@127.0.0.1:1',
  'nonsense',
])('sends nothing to %j, which is not the address of a node', async (url) => {
  await expect(peerAt(url, tokenFor, 5_000).submit(CANCEL)).rejects.toMatchObject({
    code: 'node.unreachable',
    message: expect.stringContaining('not the address of a node'),
  });
});

it('reads no more of an answer than a run can have', async () => {
  let closed!: () => void;
  const hungUp = new Promise<void>((resolve) => (closed = resolve));
  const url = await answering((_, response) => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const more = () => {
      while (response.write(piece));
    };
    response.on('drain', more).on('close', closed);
    more();
  });
  await expect(peerAt(url, tokenFor, 60_000).inspect('r-1', ALL_TASKS)).rejects.toMatchObject({
    code: 'command.unanswered',
    message: expect.stringContaining('larger than 32 MB'),
  });
  await hungUp;
});

it('takes a node that does not know it for one that did nothing', async () => {
  const url = await answering((_, response) => void response.writeHead(401).end('{}'));
  await expect(peerAt(url, tokenFor, 5_000).submit(CANCEL)).rejects.toMatchObject({
    code: 'node.unreachable',
  });
});

it('knows that nothing was sent when nobody listens', async () => {
  const url = await answering(() => undefined);
  server?.close();
  await once(server as Server, 'close');
  await expect(peerAt(url, tokenFor, 5_000).submit(CANCEL)).rejects.toMatchObject({
    code: 'node.unreachable',
  });
});

it.each<[string, RequestListener]>([
  ['hangs up', (request) => request.socket.destroy()],
  ['says nothing', () => undefined],
  [
    'speaks another protocol',
    (request) => request.socket.end('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  ],
  ['breaks off', (_, response) => response.writeHead(200).write('{', () => response.destroy())],
  ['is something else', (_, response) => void response.end('<html>')],
  ['fails in somebody’s words', (_, response) => void response.writeHead(502).end('<html>')],
])('does not know what became of it when the other side %s', async (_, answer) => {
  const url = await answering(answer);
  await expect(peerAt(url, tokenFor, 300).submit(CANCEL)).rejects.toMatchObject({
    code: 'command.unanswered',
  });
});

it('hears the other node’s own reason', async () => {
  const problem = {
    type: 'x',
    title: 'x',
    status: 503,
    code: 'node.stopping',
    detail: 'It stops.',
  };
  const url = await answering((_, response) => {
    response
      .writeHead(503)
      .end(JSON.stringify({ ...problem, next: 'x', retry: true, problems: [] }));
  });
  await expect(peerAt(url, tokenFor, 5_000).submit(CANCEL)).rejects.toMatchObject({
    code: 'node.stopping',
    message: 'It stops.',
  });
});
