/**
 * Links by which a browser gets in: each opens one session, within minutes, at the server that made
 * it. They are kept in memory only and never logged; a restart voids them.
 */
import { makeSecret } from './credentials.ts';

const LINK_MS = 5 * 60_000;
/** Of those that are not used; the oldest is void then. */
const MOST_LINKS = 100;

export class Links {
  readonly #open = new Map<string, { readonly actor: string; readonly expiresAt: number }>();

  make(actor: string, now: number): { readonly secret: string; readonly expiresAt: number } {
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= MOST_LINKS) this.#open.delete(oldest);
    const secret = makeSecret();
    const expiresAt = now + LINK_MS;
    this.#open.set(secret, { actor, expiresAt });
    return { secret, expiresAt };
  }

  /** Whom it was made for; null when it is void. It is void from now on. */
  take(secret: string, now: number): string | null {
    const link = this.#open.get(secret);
    this.#open.delete(secret);
    return link !== undefined && now < link.expiresAt ? link.actor : null;
  }
}
