/** A network between clients and servers that cuts every connection after so many events, in the middle of the next. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

const MARK = Buffer.from('\ndata: ');

export interface FragileNetwork {
  readonly url: string;
  /** Connections that were cut. */
  readonly cuts: () => number;
  close(): Promise<void>;
}

/** Each connection goes to the next of the servers. */
export async function fragileNetwork(
  servers: readonly string[],
  eventsPerConnection: number,
): Promise<FragileNetwork> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let turn = 0;
  const server: Server = createServer((client) => {
    const target = new URL(servers[turn++ % servers.length] ?? '');
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const counter = new Counter(eventsPerConnection);
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const end = counter.endIn(chunk);
      if (end === null) {
        if (!client.write(chunk)) upstream.pause();
        return;
      }
      cuts += 1;
      upstream.destroy();
      client.write(chunk.subarray(0, end), () => client.destroy());
    });
    client.on('drain', () => upstream.resume());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    cuts: () => cuts,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Finds the place in the bytes where the connection is to end: a little after the last event's mark. */
class Counter {
  #left: number;
  /** The end of the chunk before, where a mark may begin. */
  #before = Buffer.alloc(0);

  constructor(events: number) {
    this.#left = events + 1;
  }

  endIn(chunk: Buffer): number | null {
    const bytes = Buffer.concat([this.#before, chunk]);
    const offset = this.#before.length;
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
      this.#left -= 1;
      if (this.#left === 0)
        return Math.min(chunk.length, Math.max(0, at + MARK.length + 9 - offset));
    }
    // One byte less than a mark: none is counted twice.
    this.#before = Buffer.from(bytes.subarray(Math.max(0, bytes.length - MARK.length + 1)));
    return null;
  }
}
