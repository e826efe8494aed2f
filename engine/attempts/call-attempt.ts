/**
 * An attempt of an action that is one exchange. If the exchange is idempotent, a failure is a
 * failure; if not, an unknown outcome is looked up by key before anything else happens.
 */
import { ActionFailure, type CallAction } from '../../connectors/kit/connector.ts';
import { bug } from '../../model/errors.ts';
import { inquiryOf } from './inquiry.ts';
import {
  answerTo,
  confirm,
  deliver,
  fail,
  failureOf,
  failWith,
  find,
  lose,
  pause,
  succeed,
  type Underway,
} from './outcome.ts';

const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 30_000;

export async function callAttempt(underway: Underway): Promise<void> {
  const { recovered, attempt } = underway;
  // After a crash the call may or may not have left the house.
  if (recovered !== undefined && !underway.idempotent) {
    try {
      await lookUp(underway, lostReply(underway));
    } finally {
      // What a person must decide works no more: the connector has room for another.
      underway.services.finish(attempt);
    }
    return;
  }
  const cancelTimeout = ownTimeout(underway);
  try {
    const may = underway.idempotent ? true : underway.services.mayLeave();
    if (may !== true && !(await leaves(underway, may))) return;
    attempt.beginCall();
    const output = await call(underway);
    attempt.endCall();
    const writing = deliver(underway, output);
    if (writing !== undefined) await writing;
  } catch (error) {
    if (attempt.isCalling) attempt.endCall();
    await failed(underway, failureOf(error));
  } finally {
    cancelTimeout?.();
    underway.services.finish(attempt);
  }
}

/** Whether it is to leave the house, after its node had to ask whether it may. */
async function leaves(underway: Underway, may: Promise<boolean>): Promise<boolean> {
  const { attempt } = underway;
  if (!(await may) || attempt.isAbandoned) return false;
  if (attempt.stop === undefined) return true;
  // It was cancelled meanwhile, and nothing has left.
  await confirm(underway);
  return false;
}

/**
 * Its call was given up (`overdue.ts`). What the system did is as little known as after a crash in
 * the middle of the call, and told by the same means.
 */
export async function settleOverdue(underway: Underway): Promise<void> {
  const { attempt } = underway;
  if (underway.idempotent) await failed(underway, noReturn(underway));
  else await lookUp(underway, noReturn(underway));
  attempt.poke();
}

function callOf(underway: Underway): CallAction<unknown, unknown, unknown> {
  const does = underway.action.does;
  return does.form === 'call' ? does : bug('a call');
}

function call(underway: Underway): Promise<unknown> {
  return callOf(underway).call(underway.context, underway.input);
}

/** Idempotent work has no durable start, so its timeout is watched here. */
function ownTimeout(underway: Underway): (() => void) | undefined {
  const { attempt, services, timeoutMs } = underway;
  if (!underway.idempotent || timeoutMs === undefined) return undefined;
  const leftMs = underway.startedAt + timeoutMs - services.clock.now();
  return services.clock.after(Math.max(0, leftMs), () => attempt.halt('timeout'));
}

async function failed(underway: Underway, error: ActionFailure): Promise<void> {
  const { attempt, services, startedAt } = underway;
  switch (attempt.stop) {
    case 'drop':
    case 'shutdown':
      // Nobody wants it, or the next start takes it up again.
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
  // It was given up, and is being looked up: only what is certain is news.
  if (attempt.isGivenUp && error.class === 'unknown' && error.code !== NO_RETURN) return;
  if (underway.idempotent) {
    if (attempt.stop === 'cancel') await confirm(underway);
    else await failWith(underway, repeatable(error));
  } else if (error.class === 'unknown') {
    await lookUp(underway, error);
  } else if (attempt.stop === 'cancel') {
    await confirm(underway);
  } else {
    await failWith(underway, error);
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

function lostReply(underway: Underway): ActionFailure {
  return new ActionFailure({
    class: 'unknown',
    code: 'task.lost-reply',
    message: `Tutti was interrupted while "${underway.attempt.task}" was calling; whether the call took effect is not known`,
  });
}

const NO_RETURN = 'task.no-return';

function noReturn({ attempt }: Underway): ActionFailure {
  return new ActionFailure({
    class: 'unknown',
    code: NO_RETURN,
    message: `the call of "${attempt.task}" was to stop and did not come back; whether it took effect is not known`,
  });
}

/** Law 6: locate by key; call again only when the system says that the key is absent. */
async function lookUp(underway: Underway, error: ActionFailure): Promise<void> {
  const { attempt } = underway;
  const does = callOf(underway);
  if (does.locate === undefined) {
    await lose(underway, error);
    return;
  }
  let lost = underway.recovered?.lost ?? false;
  for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_LOOK_MS)) {
    if (attempt.isAbandoned) return;
    const answer = await ask(does, underway);
    if (answer === 'cannot-tell') {
      if (attempt.isAbandoned) return;
      if (!lost && !(await lose(underway, error))) return;
      lost = true;
      await pause(underway, delayMs);
      continue;
    }
    if (lost) find(underway);
    if (answer !== 'absent') await succeed(underway, answer.found);
    else if (attempt.stop === 'cancel' || underway.recovered?.cancel === true)
      await confirm(underway);
    else await callAgain(underway);
    return;
  }
}

/** So often a call may end Tutti with it before a person is asked. */
export const MOST_CRASHES = 3;

/** The system has not seen it. That it is made again is durable first: a call can end us each time. */
async function callAgain(underway: Underway): Promise<void> {
  const { attempt, services, recovered } = underway;
  if (recovered !== undefined) {
    const { run, task, number } = attempt;
    if ((recovered.again ?? 0) + 1 >= MOST_CRASHES) {
      await lose(underway, crashed(underway));
      return;
    }
    const place =
      services.stateDirectoryId === undefined ? undefined : { place: services.stateDirectoryId };
    const again = {
      type: 'StartTask',
      run: run.id,
      task,
      attempt: number,
      again: true,
      ...place,
    } as const;
    if (!(await services.report(attempt, again)) || attempt.isAbandoned) return;
  }
  await callAttempt({ ...underway, recovered: undefined });
}

function crashed({ attempt }: Underway): ActionFailure {
  const message = `Tutti has ended ${MOST_CRASHES} times while "${attempt.task}" was calling, and the system says that nothing was done: it is not called again by itself; find out what ends Tutti, then rerun or force the task`;
  return new ActionFailure({ class: 'unknown', code: 'task.crashes', message });
}

async function ask(does: CallAction<unknown, unknown, unknown>, underway: Underway) {
  const { attempt, context, input } = underway;
  try {
    const looking = does.locate?.(inquiryOf(attempt, context), input);
    return looking === undefined ? ('cannot-tell' as const) : await answerTo(underway, looking);
  } catch {
    return 'cannot-tell' as const;
  }
}
