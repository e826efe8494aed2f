/**
 * Who may speak to a server that listens on loopback: programs of this machine, and nobody's web
 * page. A page elsewhere can make a browser call 127.0.0.1 in two ways, and both are refused:
 *
 * - DNS rebinding: the page's own name resolves to 127.0.0.1, so the `Host` header is foreign.
 * - A plain cross-site request: the `Origin` header names the page. There is no CORS here.
 */
import type { FastifyRequest } from 'fastify';
import { TuttiError } from '../model/errors.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** `[::1]:7700` → `[::1]`, `localhost:7700` → `localhost`. */
function hostname(authority: string): string {
  return authority.replace(/:\d+$/, '').toLowerCase();
}

export type Guard = (request: FastifyRequest) => void;

/** Throws `request.foreign`. `hosts`: further names that this server is reached by. */
export function guardFor(hosts: readonly string[]): Guard {
  const names = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return (request) => {
    const host = request.headers.host ?? '';
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
  };
}
