/**
 * Who may speak to a server that listens on loopback: programs of this machine, and no web
 * page. A page elsewhere can make a browser call 127.0.0.1 in two ways, and both are refused:
 *
 * - DNS rebinding: the page's own name resolves to 127.0.0.1, so the `Host` header is foreign.
 * - A plain request of another page: the `Origin` header names the page, or `Sec-Fetch-Site` says
 *   that it is another (an image, a script). There is no CORS here. Only a visit passes: a page that
 *   leads the browser here cannot read what it finds.
 */
import type { FastifyRequest } from 'fastify';
import { TuttiError } from '../model/errors.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** `[::1]:7700` → `[::1]`, `localhost:7700` → `localhost`. */
function hostname(authority: string): string {
  return authority.replace(/:\d+$/, '').toLowerCase();
}

/** A program says nothing of this kind; `none`: a person typed the address. */
const OWN_SITES: ReadonlySet<unknown> = new Set([undefined, 'same-origin', 'none']);

function isVisit({ method, headers }: FastifyRequest): boolean {
  return (
    method === 'GET' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document'
  );
}

/** One request, one name: a proxy before us may have looked at the other. */
function refuseAnotherHost({ raw }: FastifyRequest, host: string): void {
  const hosts = raw.rawHeaders.filter((one, at) => at % 2 === 0 && one.toLowerCase() === 'host');
  if (hosts.length > 1) {
    throw new TuttiError('request.invalid', 'The request has more than one Host header.');
  }
  const named = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw.url ?? '')?.[1];
  if (named !== undefined && named.toLowerCase() !== host.toLowerCase()) {
    const detail = `Its target names ${JSON.stringify(named)}, its Host header ${JSON.stringify(host)}.`;
    throw new TuttiError('request.invalid', detail);
  }
}

type Guard = (request: FastifyRequest) => void;

/** Throws `request.foreign`. `hosts`: further names that this server is reached by. */
export function guardFor(hosts: readonly string[]): Guard {
  const names = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return (request) => {
    const host = request.headers.host ?? '';
    refuseAnotherHost(request, host);
    if (!names.has(hostname(host))) {
      throw new TuttiError('request.foreign', `This server is not called ${JSON.stringify(host)}.`);
    }
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new TuttiError(
        'request.foreign',
        `Pages of ${JSON.stringify(origin)} may not call it.`,
      );
    }
    if (!OWN_SITES.has(request.headers['sec-fetch-site']) && !isVisit(request)) {
      throw new TuttiError('request.foreign', 'Pages of other origins may not call this server.');
    }
  };
}
