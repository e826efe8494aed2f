/**
 * How a command waits for its server: it says so when no server answers, and it ends with the command.
 *
 * A server that is stopped, or stuck, takes a connection and says nothing: without this the command
 * would wait without end, and a signal would only be noted.
 */

/** Beyond what a question holds by itself: a long poll answers late on purpose. */
const QUIET_MS = 5_000;
const LONG_POLL_MS = 25_000;

export interface Patience {
  /** Aborted when the command is to end. */
  readonly signal: AbortSignal;
  /** Tells a person, on standard error. */
  readonly say: (text: string) => void;
}

/** `fetch` for one command. */
export function patientFetch({ signal, say }: Patience, quietMs = QUIET_MS): typeof fetch {
  let told = false;
  return async (asked, options = {}) => {
    const url = new URL(asked instanceof Request ? asked.url : asked);
    const limitMs = quietMs + (url.searchParams.has('wait') ? LONG_POLL_MS : 0);
    const timer = setTimeout(() => {
      if (told) return;
      told = true;
      const seconds = Math.round(limitMs / 1_000);
      say(
        `${url.origin} has not answered for ${seconds} s. Still waiting; press Ctrl-C to end this command.\n`,
      );
    }, limitMs);
    const signals = options.signal ? [signal, options.signal] : [signal];
    try {
      return await fetch(asked, { ...options, signal: AbortSignal.any(signals) });
    } finally {
      clearTimeout(timer);
    }
  };
}
