/**
 * Brings a command to the node that owns its run.
 *
 *   here, if this node owns the run or no node does ──→ done
 *   else to its owner ──→ its answer
 *        nothing was done there (not reached, stopping, fenced, not its run) ──→ wait until runs may
 *             have changed hands, or for a moment, and try here again
 *        sent and not answered ──→ the caller hears that the outcome is not known
 *
 * Nothing is sent twice. A command that another node brought here is not passed on: its sender tries
 * again.
 */
import { type ErrorCode, TuttiError } from '../../model/errors.ts';
import { Wait, type WakeSource } from '../../model/wait-for.ts';
import type { Clock } from '../clock.ts';
import type { Peer } from '../door.ts';
import type { Observer } from '../observer.ts';
import { Elsewhere } from '../runs/absence.ts';
import type { Peers } from './peers.ts';

/** A node that came back by itself sends no notification. */
const CHECK_AGAIN_MS = 500;

interface CourierParts {
  readonly peers: Pick<Peers, 'find' | 'forget'>;
  readonly clock: Clock;
  /** How long the owner may be away: a lease, and some time for the others to take over. */
  readonly patienceMs: number;
  /** Calls back when runs may have changed hands; the result takes it back. */
  readonly onOwnersChanged: WakeSource;
  readonly observer: Observer | undefined;
}

export class Courier {
  readonly #parts: CourierParts;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  /** `via`: the node that sent it here. */
  async deliver<T>(
    via: string | undefined,
    here: () => Promise<T>,
    there: (peer: Peer) => Promise<T>,
  ): Promise<T> {
    const { clock, patienceMs } = this.#parts;
    const deadline = clock.elapsed() + patienceMs;
    for (;;) {
      // From this moment on, so that none is missed while the journal is asked.
      const news = new Wait(undefined, this.#parts.onOwnersChanged);
      try {
        return await here();
      } catch (error) {
        if (!(error instanceof Elsewhere) || via !== undefined) throw error;
        const answer = await this.#send(error, there);
        if (answer !== 'not sent') return answer.value;
        const leftMs = deadline - clock.elapsed();
        if (leftMs <= 0) {
          throw new TuttiError('node.unreachable', `${error.message} It does not answer.`);
        }
        news.also((wake) => clock.after(Math.min(CHECK_AGAIN_MS, leftMs), wake));
        await news.over;
      } finally {
        news.end();
      }
    }
  }

  /** A question to the owner of a run: null without an answer, and then the caller answers from the journal. */
  async ask<T>(owner: number, question: (peer: Peer) => Promise<T>): Promise<T | null> {
    try {
      const peer = await this.#parts.peers.find(owner);
      return peer === null ? null : await question(peer);
    } catch (error) {
      this.#parts.peers.forget(owner);
      this.#parts.observer?.troubled('asking the node that owns a run', error, { node: owner });
      return null;
    }
  }

  async #send<T>(
    elsewhere: Elsewhere,
    there: (peer: Peer) => Promise<T>,
  ): Promise<{ value: T } | 'not sent'> {
    const { peers } = this.#parts;
    const peer = await peers.find(elsewhere.owner);
    if (peer === null) throw elsewhere;
    try {
      return { value: await there(peer) };
    } catch (error) {
      peers.forget(elsewhere.owner);
      if (isUntouched(error)) return 'not sent';
      throw error;
    }
  }
}

const UNTOUCHED: ReadonlySet<ErrorCode> = new Set([
  'node.unreachable',
  'node.stopping',
  'node.fenced',
  'run.elsewhere',
]);

/** The other node did nothing with it: it was not reached, or says that it may not. */
function isUntouched(error: unknown): boolean {
  return error instanceof TuttiError && UNTOUCHED.has(error.code);
}
