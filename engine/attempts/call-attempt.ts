/**
 * An attempt of an action that is one exchange. If the exchange is idempotent, a failure is a
 * failure; if not, an unknown outcome is looked up by key before anything else happens.
 */
import { ActionFailure, type CallAction } from '../../connectors/kit/connector.ts';
import { bug } from '../../model/errors.ts';
import { inquiryOf } from './inquiry.ts';
import { answerTo, pause } from './asking.ts';
import { failureOf } from './failures.ts';
import {
  confirm,
  deliver,
  fail,
  failWith,
  reportStart,
  resolveUnknown,
  markUnknown,
  succeed,
} from './reports.ts';
import type { RunningAttempt } from './running-attempt.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export async function callAttempt(running: RunningAttempt): Promise<void> {
  const { recovered, attempt } = running;
  // After a crash it is not known whether the call was sent.
  if (recovered !== undefined && !running.idempotent) {
    try {
      await locate(running, lostReply(running));
    } finally {
      // An attempt that a person must decide does not work any more: the connector has capacity for another.
      running.services.finish(attempt);
    }
    return;
  }
  const cancelTimeout = ownTimeout(running);
  try {
    const may = running.idempotent ? true : running.services.mayLeave();
    if (may !== true && !(await leaves(running, may))) return;
    attempt.beginCall();
    const output = await call(running);
    attempt.endCall();
    const writing = deliver(running, output);
    if (writing !== undefined) await writing;
  } catch (error) {
    if (attempt.isCalling) attempt.endCall();
    await failed(running, failureOf(error));
  } finally {
    cancelTimeout?.();
    running.services.finish(attempt);
  }
}

/** Whether the call is to be sent, after its node had to ask whether it may. */
async function leaves(running: RunningAttempt, may: Promise<boolean>): Promise<boolean> {
  const { attempt } = running;
  if (!(await may) || attempt.isAbandoned) return false;
  if (attempt.stop === undefined) return true;
  // It was cancelled meanwhile, and nothing was sent.
  await confirm(running);
  return false;
}

/**
 * Its call was given up (`overdue.ts`). What the system did is as little known as after a crash in
 * the middle of the call, and told by the same means.
 */
export async function settleOverdue(running: RunningAttempt): Promise<void> {
  const { attempt } = running;
  if (running.idempotent) await failed(running, noReturn(running));
  else await locate(running, noReturn(running));
  attempt.poke();
}

function callOf(running: RunningAttempt): CallAction<unknown, unknown, unknown> {
  const does = running.action.does;
  return does.form === 'call' ? does : bug('a call');
}

function call(running: RunningAttempt): Promise<unknown> {
  return callOf(running).call(running.context, running.input);
}

/** Idempotent work has no durable start, so its timeout is watched here. */
function ownTimeout(running: RunningAttempt): (() => void) | undefined {
  const { attempt, services, timeoutMs } = running;
  if (!running.idempotent || timeoutMs === undefined) return undefined;
  const leftMs = running.startedAt + timeoutMs - services.clock.now();
  return services.clock.after(Math.max(0, leftMs), () => attempt.halt('timeout'));
}

async function failed(running: RunningAttempt, error: ActionFailure): Promise<void> {
  const { attempt, services, startedAt } = running;
  switch (attempt.stop) {
    case 'drop':
    case 'shutdown':
      // The outcome is not wanted, or the next start resumes the attempt.
      return;
    case 'timeout':
      await fail(attempt, services, {
        failure: {
          class: 'timeout',
          code: 'task.timed-out',
          message: 'the task took longer than its timeout',
        },
        startedAt,
      });
      return;
    case 'cancel':
    case undefined:
      break;
  }
  // It was given up, and is being located: only what is certain is news.
  if (attempt.isGivenUp && error.class === 'unknown' && error.code !== NO_RETURN) return;
  if (running.idempotent) {
    if (attempt.stop === 'cancel') await confirm(running);
    else await failWith(running, repeatable(error));
  } else if (error.class === 'unknown') {
    await locate(running, error);
  } else if (attempt.stop === 'cancel') {
    await confirm(running);
  } else {
    await failWith(running, error);
  }
}

/** Idempotent work whose outcome is unknown may simply be tried again. */
function repeatable(error: ActionFailure): ActionFailure {
  if (error.class !== 'unknown') return error;
  return new ActionFailure(
    { class: 'transient', code: error.code, message: error.message },
    { cause: error },
  );
}

function lostReply(running: RunningAttempt): ActionFailure {
  return new ActionFailure({
    class: 'unknown',
    code: 'task.lost-reply',
    message: `Tutti was interrupted while "${running.attempt.task}" was calling; whether the call took effect is not known`,
  });
}

const NO_RETURN = 'task.no-return';

function noReturn({ attempt }: RunningAttempt): ActionFailure {
  return new ActionFailure({
    class: 'unknown',
    code: NO_RETURN,
    message: `the call of "${attempt.task}" was asked to stop and did not return; whether it took effect is not known`,
  });
}

/** Law 6: locate by key; call again only when the system says that the key is absent. */
async function locate(running: RunningAttempt, error: ActionFailure): Promise<void> {
  const { attempt } = running;
  const does = callOf(running);
  if (does.locate === undefined) {
    await markUnknown(running, error);
    return;
  }
  let isUnknown = running.recovered?.unknown ?? false;
  for (let delayMs = FIRST_PAUSE_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS)) {
    if (attempt.isAbandoned) return;
    const answer = await ask(does, running);
    if (answer === 'cannot-tell') {
      if (attempt.isAbandoned) return;
      if (!isUnknown && !(await markUnknown(running, error))) return;
      isUnknown = true;
      await pause(running, delayMs);
      continue;
    }
    if (isUnknown) resolveUnknown(running);
    if (answer !== 'absent') await succeed(running, answer.found);
    else if (attempt.stop === 'cancel' || running.recovered?.cancel === true)
      await confirm(running);
    else await callAgain(running);
    return;
  }
}

/** So often a call may end Tutti with it before a person is asked. */
export const MOST_CRASHES = 3;

/** The system has not seen it. That it is made again is durable first: a call can end us each time. */
async function callAgain(running: RunningAttempt): Promise<void> {
  const { attempt, recovered } = running;
  if (recovered !== undefined) {
    if ((recovered.again ?? 0) + 1 >= MOST_CRASHES) {
      await markUnknown(running, crashed(running));
      return;
    }
    if (!(await reportStart(running, { again: true })) || attempt.isAbandoned) return;
  }
  await callAttempt({ ...running, recovered: undefined });
}

function crashed({ attempt }: RunningAttempt): ActionFailure {
  const message = `Tutti has ended ${MOST_CRASHES} times while "${attempt.task}" was calling, and the system says that nothing was done: Tutti does not call it again by itself. Find out what ends Tutti, then rerun or force the task`;
  return new ActionFailure({ class: 'unknown', code: 'task.crashes', message });
}

async function ask(does: CallAction<unknown, unknown, unknown>, running: RunningAttempt) {
  const { attempt, context, input } = running;
  try {
    const locating = does.locate?.(inquiryOf(attempt, context), input);
    return locating === undefined ? ('cannot-tell' as const) : await answerTo(running, locating);
  } catch (error) {
    running.services.troubled('locating a call by its key', error, attempt);
    return 'cannot-tell' as const;
  }
}
