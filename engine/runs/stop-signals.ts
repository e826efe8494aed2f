/** How an attempt that is to stop is reached: by two signals, and by ending the pauses that it makes. */

/** Why an attempt is to stop; `drop`: its outcome is not wanted any more. */
export type Stop = 'cancel' | 'timeout' | 'drop' | 'shutdown';

/** The outcome is not wanted here: by anybody, or by a node that stops. */
export function isAbandoning(stop: Stop | undefined): boolean {
  return stop === 'drop' || stop === 'shutdown';
}

export class StopSignals {
  #stop: Stop | undefined;
  #work: AbortController | undefined;
  #interest: AbortController | undefined;
  readonly #pausing = new Set<() => void>();

  constructor(stop: Stop | undefined) {
    this.#stop = stop;
  }

  get work(): AbortSignal {
    this.#work ??= new AbortController();
    if (this.#stop !== undefined && !this.#work.signal.aborted) this.#work.abort(this.#stop);
    return this.#work.signal;
  }

  get interest(): AbortSignal {
    this.#interest ??= new AbortController();
    if (isAbandoning(this.#stop)) this.#interest.abort(this.#stop);
    return this.#interest.signal;
  }

  abort(stop: Stop): void {
    this.#stop = stop;
    this.#work?.abort(stop);
    if (isAbandoning(stop)) this.#interest?.abort(stop);
    this.poke();
  }

  poke(): void {
    for (const wake of this.#pausing) wake();
  }

  onPoke(wake: () => void): () => void {
    this.#pausing.add(wake);
    return () => this.#pausing.delete(wake);
  }
}
