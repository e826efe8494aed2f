/**
 * A name for browsers alone. They send a cookie to a host at every port of it, so a program of
 * another user that they visit at another port of 127.0.0.1 would be given the session. So a browser
 * that gets in is led to a name below `localhost` that no one can guess: it is the same machine
 * (RFC 6761), but another host, and the cookie stays there.
 *
 * Such a name is 127.0.0.1 and ::1, and browsers may ask the latter first: we listen there too, or,
 * when another program does, the name is not used.
 */
import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:net';

/** They know such names without asking anybody; of the others that is not known. */
const BROWSERS = /(?:Chrome|Firefox)\//i;
const LOOPBACK = /^(?:localhost|127\.0\.0\.1)(?=:|$)/;

export class PrivateName {
  readonly host: string;
  readonly #beside = createServer();
  #isOurs = false;

  /** The same after a restart, so that sessions stay valid. */
  constructor(token: string) {
    this.host = `${createHmac('sha256', token).update('host').digest('hex').slice(0, 32)}.localhost`;
  }

  /** Listens beside the server, which listens at this port of 127.0.0.1. */
  async hold(server: Server, port: number): Promise<void> {
    this.#beside.on('connection', (socket) => server.emit('connection', socket));
    this.#isOurs = await new Promise<boolean>((resolve) => {
      // Without IPv6 no program can listen there.
      this.#beside.once('error', (error) => {
        resolve('code' in error && error.code !== 'EADDRINUSE');
      });
      this.#beside.listen({ host: '::1', port, ipv6Only: true }, () => resolve(true));
    });
  }

  close(): void {
    if (this.#beside.listening) this.#beside.close();
  }

  /** Where a browser is to go that came to `host`; null when it can stay, or cannot go there. */
  insteadOf(host: string, userAgent: string | undefined): string | null {
    const canGo = this.#isOurs && LOOPBACK.test(host) && BROWSERS.test(userAgent ?? '');
    return canGo ? `http://${host.replace(LOOPBACK, this.host)}` : null;
  }
}
