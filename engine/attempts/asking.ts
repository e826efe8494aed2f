/** Questions to a system about an attempt: what ends the pause before one, and how long an answer may take. */
import { ActionFailure } from '../../connectors/kit/connector.ts';
import { Wait, waitFor, type WakeSource } from '../../model/wait-for.ts';
import type { RunningAttempt } from './running-attempt.ts';

/** Waits, unless the attempt is to stop or is poked, or one of `early` comes first. */
export function pause(
  { attempt, services }: RunningAttempt,
  delayMs: number,
  ...early: readonly WakeSource[]
): Promise<void> {
  return waitFor(
    undefined,
    (wake) => services.clock.after(delayMs, wake),
    (wake) => attempt.onPoke(wake),
    ...early,
  );
}

/** A system that says nothing for so long will not: it is asked again. */
const SILENCE_MS = 60_000;

/** The answer to a question, unless it does not come, or is not wanted here any more. */
export async function answerTo<T>(
  { attempt, services: { clock } }: RunningAttempt,
  asking: Promise<T>,
  limit: { readonly ms?: number; readonly graceMs?: number } = {},
): Promise<T> {
  const { ms = SILENCE_MS, graceMs = Infinity } = limit;
  let waitedMs = ms;
  const silence = new Wait(undefined, (wake) => clock.after(ms, wake));
  const endAfter = (restMs: number): void => {
    silence.also((wake) => {
      return clock.after(restMs, () => {
        waitedMs = restMs;
        wake();
      });
    });
  };
  const check = (): void => {
    if (attempt.isAbandoned) {
      waitedMs = 0;
      silence.end();
    } else if (attempt.stop !== undefined && graceMs < ms) {
      endAfter(graceMs);
    }
  };
  silence.also(() => attempt.onPoke(check));
  check();
  try {
    return await Promise.race([asking, silence.over.then(() => Promise.reject(silent(waitedMs)))]);
  } finally {
    silence.end();
  }
}

function silent(waitedMs: number): ActionFailure {
  const message = `the system has not answered for ${Math.round(waitedMs / 1_000)} s`;
  return new ActionFailure({ class: 'unknown', code: 'connector.silent', message });
}
