/** A service that answers what it is told to, byte by byte, whether that is HTTP or not. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Chance } from '../chaos/chance.ts';
import { nastyBytes, nastyJson } from './nasty.ts';

export class Service {
  readonly url: string;
  /** What the next ones who ask are answered. */
  answer: () => Buffer | 'silence' = () => 'silence';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.once('data', () => {
        const answer = this.answer();
        if (answer !== 'silence') socket.end(answer);
      });
    });
  }

  static async start(): Promise<Service> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Service(server);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** An answer that is nearly one. */
export function reply(chance: Chance): Buffer | 'silence' {
  if (chance.happens(0.04)) return 'silence';
  if (chance.happens(0.1)) return nastyBytes(chance, 4_000);
  const status = chance.pick([
    100, 101, 103, 200, 201, 204, 301, 302, 307, 308, 400, 401, 403, 404,
  ]);
  const late = chance.pick([408, 409, 425, 429, 500, 501, 502, 503, 504, 599, 999]);
  const headers = [
    'Content-Type: application/json',
    `Content-Length: ${chance.pick(['0', '5', '99999999999', '-1', 'x'])}`,
    'Transfer-Encoding: chunked',
    `Content-Encoding: ${chance.pick(['gzip', 'br', 'deflate', 'zstd', 'identity'])}`,
    `Location: ${chance.pick(['/', '//', 'http://127.0.0.1:1/', 'file:///etc/passwd', '\\x'])}`,
    `Retry-After: ${chance.pick(['1', '999999999', '-1', 'Thu, 01 Jan 1970 00:00:00 GMT'])}`,
    'Content-Type: application/json; charset=utf-16',
    `Set-Cookie: ${'a'.repeat(chance.pick([10, 20_000]))}=1`,
    'Connection: upgrade\r\nUpgrade: websocket',
    'Trailer: x',
  ].filter(() => chance.happens(0.3));
  const body = chance.pick([
    () => Buffer.from(nastyJson(chance)),
    () => nastyBytes(chance, 10_000),
    () => Buffer.from('5\r\n{"a":\r\nZZ\r\n'),
    () => Buffer.from('\uFEFF{"a":1}'),
    () => Buffer.alloc(0),
  ])();
  const head = `HTTP/1.1 ${chance.happens(0.6) ? status : late} Words\r\n${headers.join('\r\n')}\r\n\r\n`;
  const whole = Buffer.concat([Buffer.from(head), body]);
  return chance.happens(0.1) ? whole.subarray(0, chance.below(whole.length)) : whole;
}
