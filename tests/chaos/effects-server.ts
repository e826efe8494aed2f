/**
 * A service with side effects that are counted: what every run of the experiment calls over HTTP.
 *
 * `POST /effects` takes effect once per request that arrives whole, however often its key was
 * seen: it does not de-duplicate, so a second submission shows. `GET /effects?key=` is the lookup
 * that a careful service offers. Replies are late, lost or refused as chance has it; an effect
 * always comes before its reply, so that a kill often falls between the two.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Chance } from './chance.ts';

const REFUSED = 0.07;
const DROPPED_BEFORE = 0.04;
const DROPPED_AFTER = 0.08;
const SLOWEST_REPLY_MS = 80;

export class EffectsServer {
  /** How often the request with this key took effect. */
  readonly counts = new Map<string, number>();
  readonly #server: Server;

  private constructor(chance: Chance) {
    this.#server = createServer((request, response) => this.#handle(request, response, chance));
  }

  static async start(chance: Chance): Promise<EffectsServer> {
    const service = new EffectsServer(chance);
    await once(service.#server.listen(0, '127.0.0.1'), 'listening');
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #handle(request: IncomingMessage, response: ServerResponse, chance: Chance): void {
    if (request.method === 'GET') {
      const key = new URL(request.url ?? '/', this.url).searchParams.get('key') ?? '';
      reply(response, this.counts.has(key) ? 200 : 404, { key });
      return;
    }
    // Half a request takes no effect.
    request.resume().once('end', () => this.#post(request, response, chance));
  }

  #post(request: IncomingMessage, response: ServerResponse, chance: Chance): void {
    const fate = chance.next();
    if (fate < REFUSED) {
      // With the word of when to come again it says that nothing has happened.
      response.setHeader('retry-after', '0');
      reply(response, 503, { busy: true });
    } else if (fate < REFUSED + DROPPED_BEFORE) {
      response.socket?.resetAndDestroy();
    } else {
      const key = String(request.headers['idempotency-key']);
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      if (fate < REFUSED + DROPPED_BEFORE + DROPPED_AFTER) response.socket?.resetAndDestroy();
      else setTimeout(() => reply(response, 201, { key }), chance.below(SLOWEST_REPLY_MS));
    }
  }
}

function reply(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
