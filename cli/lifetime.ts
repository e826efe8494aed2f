/**
 * Ctrl-C and SIGTERM, in two steps: the first asks politely, the second leaves at once.
 */
export interface Lifetime {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  dispose(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What shells say of a command that SIGINT ended. */
export const INTERRUPTED_EXIT = 130;

export function processLifetime(leaveAtOnce: () => void): Lifetime {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      leaveAtOnce();
      return;
    }
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
