/**
 * Waiting until something wakes, a signal aborts or a time is over, whichever is first, and then
 * everything is tidied: no listener, timer or entry in a set is left behind.
 *
 *   await waitFor(signal, (wake) => clock.after(ms, wake), (wake) => nodes.onChange(wake));
 *
 * A deadline is a source of wake-ups like any other, so this needs no clock. All sources are subscribed to before
 * `waitFor` or `new Wait` returns. So a caller that subscribes first, then checks whether it is there
 * already, and only then waits, misses nothing:
 *
 *   const wait = new Wait(signal, onNews);
 *   try {
 *     if (!(await isThere())) await wait.over;
 *   } finally {
 *     wait.end();
 *   }
 *
 * What is promised: it ends once; a waker that wakes while it is being subscribed to is taken back,
 * too; a signal that has aborted already ends the wait before anything is subscribed to; a waker that
 * cannot be subscribed to takes the others back. The caller that is woken checks by itself what has happened.
 */

/** Calls `wake` when there is something to look at, once or often. The result takes it back. */
export type WakeSource = (wake: () => void) => () => void;

/** Resolves with the first wake-up, or when the signal aborts. */
export async function waitFor(
  signal: AbortSignal | undefined,
  ...wakers: readonly WakeSource[]
): Promise<void> {
  await new Wait(signal, ...wakers).over;
}

export class Wait {
  /** Never rejects. */
  readonly over: Promise<void>;
  #resolve!: () => void;
  readonly #signal: AbortSignal | undefined;
  #takeBack: (() => void)[] = [];
  #controller: AbortController | undefined;
  #ended = false;

  constructor(signal?: AbortSignal, ...wakers: readonly WakeSource[]) {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#signal = signal;
    if (signal?.aborted === true) this.end();
    else signal?.addEventListener('abort', this.#wake, { once: true });
    for (const waker of wakers) this.also(waker);
  }

  readonly #wake = (): void => this.end();

  /** Aborts when the wait ends, for what is given a signal and not a waker. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended) this.#controller.abort();
    return this.#controller.signal;
  }

  /** One more that may end it. */
  also(waker: WakeSource): void {
    if (this.#ended) return;
    let takeBack: () => void;
    try {
      takeBack = waker(this.#wake);
    } catch (error) {
      this.end();
      throw error;
    }
    if (this.#hasEnded()) takeBack();
    else this.#takeBack.push(takeBack);
  }

  /** Ends it by hand; afterwards it does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#wake);
    for (const takeBack of this.#takeBack.splice(0)) takeBack();
    this.#controller?.abort();
    this.#resolve();
  }

  /** Asked again after foreign code ran. */
  #hasEnded(): boolean {
    return this.#ended;
  }
}
