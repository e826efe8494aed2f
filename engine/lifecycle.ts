/**
 * What a node accepts, from its start to its end.
 *
 *   starting ── registered ──► open ── stop ──► draining ── calls have ended ──► closed
 *      │                         │                                                  ▲
 *      │                         └────────── another process has the lease ─────────┤
 *      └── stop ────────────────────────────────────────────────────────────────────┘
 *
 * A node that drains starts nothing, and accepts commands for what it has. A closed node accepts
 * nothing, and says why.
 */
import { TuttiError } from '../model/errors.ts';
import { notStarted } from './node-identity.ts';

type Phase =
  | { readonly name: 'starting' | 'open' }
  | { readonly name: 'draining' | 'closed'; readonly because: TuttiError };

export class Lifecycle {
  #phase: Phase = { name: 'starting' };

  open(): void {
    if (this.#phase.name === 'starting') this.#phase = { name: 'open' };
  }

  drain(because: TuttiError): void {
    if (this.#phase.name === 'starting' || this.#phase.name === 'open')
      this.#phase = { name: 'draining', because };
  }

  /** The first reason stays. */
  close(because: TuttiError): void {
    if (this.#phase.name !== 'closed') this.#phase = { name: 'closed', because };
  }

  /** Throws while nothing of that kind may be accepted. */
  accept(what: 'start' | 'command'): void {
    switch (this.#phase.name) {
      case 'starting':
        throw notStarted();
      case 'open':
        return;
      case 'draining':
        if (what === 'start') throw this.#phase.because;
        return;
      case 'closed':
        throw this.#phase.because;
    }
  }

  /** Why it does not accept all that it is there for; empty when all is well. */
  stalls(): readonly string[] {
    return 'because' in this.#phase ? [this.#phase.because.message] : [];
  }
}
