/**
 * An attempt of an action whose job lives in the system: submitted once under its key, followed
 * until the system says how it ended, its log read on from the last durable cursor, cancelled in two
 * phases. A restart of Tutti resumes it where it is.
 */
import { ActionFailure, type JobAction, type JobState } from '../../connectors/kit/connector.ts';
import { bug } from '../../model/errors.ts';
import type { Json } from '../../model/json.ts';
import { inquiryOf } from './inquiry.ts';
import { answerTo, pause } from './asking.ts';
import { failureOf } from './failures.ts';
import { confirm, failWith, resolveUnknown, markUnknown, succeed } from './reports.ts';
import type { RunningAttempt } from './running-attempt.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** Questions that may fail before the task is called unknown. */
const PATIENCE = 3;
/** How long a job may take to stop before it is asked with force. */
const GRACE_MS = 10_000;
/** And then before it is called unknown, so that a person can decide. */
const UNCONFIRMED_MS = 30_000;
/** To hand a job over, with all that belongs to it; and when it is not wanted any more. */
const SUBMIT_LIMIT = { ms: 600_000, graceMs: 5_000 };

/** The node stops, or the outcome is not wanted: the job continues without it. */
class Interrupted extends Error {}

interface RunningJob extends RunningAttempt {
  readonly does: JobAction<unknown, unknown, unknown>;
  cursor: Json;
  isUnknown: boolean;
  /** Submitted a moment ago. */
  fresh: boolean;
}

export async function jobAttempt(begun: RunningAttempt): Promise<void> {
  const does = begun.action.does;
  if (does.form !== 'job') return bug('a job');
  const running: RunningJob = {
    ...begun,
    // Its job is stopped by `cancel`; all else is asking, which continues after a stop.
    context: inquiryOf(begun.attempt, begun.context),
    does,
    cursor: null,
    isUnknown: begun.recovered?.unknown ?? false,
    fresh: begun.recovered === undefined,
  };
  try {
    const job = await obtain(running);
    if (job === undefined) return;
    await follow(running, job);
  } catch (error) {
    if (!(error instanceof Interrupted)) await failWith(running, failureOf(error));
  } finally {
    running.services.finish(running.attempt);
  }
}

/** The job of this attempt: the one that is there, or a new one. */
async function obtain(running: RunningJob): Promise<Json | undefined> {
  const { recovered, does, context, input, services, attempt } = running;
  if (recovered !== undefined) {
    running.cursor = await services.logs.resume(attempt);
    if (recovered.job !== undefined) return recovered.job;
    const found = await persist(running, () => does.locate(context, input));
    if (found !== 'absent') return submitted(running, found);
    if (isUnwanted(running)) return unsubmitted(running);
  }
  let answer: Json;
  try {
    answer = await submit(running);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const failure = failureOf(error);
    if (failure.class !== 'unknown') throw failure;
    // The reply may have been lost after the job was made: locate it before anything else.
    const found = await persist(running, () => does.locate(context, input));
    if (found === 'absent' && isUnwanted(running)) return unsubmitted(running);
    answer = found === 'absent' ? await submit(running) : found;
  }
  return submitted(running, answer);
}

function isUnwanted({ attempt, recovered }: RunningJob): boolean {
  return attempt.stop === 'cancel' || recovered?.cancel === true;
}

async function unsubmitted(running: RunningJob): Promise<undefined> {
  await confirm(running);
  return undefined;
}

/** Another node may have this run by now, and submit the job too: only a lease that is sure allows it. */
async function submit(running: RunningJob): Promise<Json> {
  const { does, context, input, services } = running;
  const may = services.mayLeave();
  if (may !== true && !(await may)) throw new Interrupted();
  return answerTo(running, does.submit(context, input), SUBMIT_LIMIT);
}

function submitted(running: RunningJob, job: Json): Json {
  const { run, task, number } = running.attempt;
  running.services.tell(running.attempt, {
    type: 'SubmitTask',
    run: run.id,
    task,
    attempt: number,
    job,
  });
  return job;
}

/**
 * Asks the system until it answers. A system that cannot be asked makes the task `unknown`, never
 * failed; when it answers again the task continues.
 */
async function persist<T>(running: RunningJob, question: () => Promise<T>): Promise<T> {
  let delayMs = FIRST_PAUSE_MS;
  for (let failures = 1; ; failures++) {
    if (running.attempt.isAbandoned) throw new Interrupted();
    try {
      const answer = await answerTo(running, question());
      if (running.isUnknown) {
        running.isUnknown = false;
        resolveUnknown(running);
      }
      return answer;
    } catch (error) {
      if (running.attempt.isAbandoned) throw new Interrupted();
      const failure = failureOf(error);
      if (failure.class !== 'unknown' && failure.class !== 'transient') throw failure;
      if (!running.isUnknown && failures >= PATIENCE) {
        running.isUnknown = true;
        if (!(await markUnknown(running, failure))) throw new Interrupted();
      }
      await pause(running, delayMs);
      delayMs = Math.min(delayMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function follow(running: RunningJob, job: Json): Promise<void> {
  const { does, context } = running;
  const cancelling = new Cancelling(running, job);
  // A system that tells when there is something to see is not asked before there can be.
  if (running.fresh && does.wake !== undefined) await rest(running, job, FIRST_PAUSE_MS);
  for (;;) {
    await cancelling.ask();
    const state = await persist(running, () => does.follow(context, job));
    await readLog(running, job);
    if (state.state !== 'running') {
      await settle(running, job, state);
      return;
    }
    if (cancelling.isOverdue) await markUnknown(running, unconfirmed(running));
    await rest(running, job, cancelling.delay(state.askAgainMs));
  }
}

/** Until it is time to ask again, or the system says that it is worth it. */
async function rest(running: RunningJob, job: Json, delayMs: number): Promise<void> {
  const { does, context, attempt } = running;
  const sign = does.wake?.(context, job);
  // A sign that cannot be had is one: the system is asked.
  const early = (wake: () => void): (() => void) => {
    void sign?.then(wake, wake);
    return () => undefined;
  };
  await pause(running, delayMs, early);
  if (attempt.isAbandoned) throw new Interrupted();
}

async function settle(running: RunningJob, job: Json, state: JobState<unknown>): Promise<void> {
  const durable = await outcome(running, state);
  // What the job left behind is forgotten only when its outcome is durable.
  const releasing = durable ? running.does.cleanUp?.(running.context, job) : undefined;
  if (releasing === undefined) return;
  try {
    await answerTo(running, releasing);
  } catch (error) {
    running.services.troubled('cleaning up after a job', error, running.attempt);
  }
}

function outcome(running: RunningJob, state: JobState<unknown>): Promise<boolean> {
  switch (state.state) {
    case 'succeeded':
      return succeed(running, state.output);
    case 'failed':
      return failWith(running, state.failure);
    case 'cancelled':
      return confirm(running);
    case 'running':
      return bug('still running');
  }
}

function unconfirmed({ attempt }: RunningJob): ActionFailure {
  const message = `the system was asked to stop the job of "${attempt.task}", and reports that it is still running`;
  return new ActionFailure({ class: 'unknown', code: 'task.cancel-unconfirmed', message });
}

async function readLog(running: RunningJob, job: Json): Promise<void> {
  const { does, context, services, attempt } = running;
  if (does.log === undefined) return;
  for (let more = true; more; ) {
    const read = await persist(
      running,
      () => does.log?.(context, job, running.cursor) ?? bug('log'),
    );
    services.logs.read(attempt, { from: running.cursor, lines: read.chunks, cursor: read.cursor });
    running.cursor = read.cursor;
    more = read.more;
    await services.logs.capacity();
  }
}

/** Two phases: asked, then confirmed by `follow`; asked with force after a while. */
class Cancelling {
  readonly #running: RunningJob;
  readonly #job: Json;
  #askedAt: number | undefined;
  #forced = false;

  constructor(running: RunningJob, job: Json) {
    this.#running = running;
    this.#job = job;
  }

  async ask(): Promise<void> {
    const { attempt, does, context, services, recovered } = this.#running;
    const wanted = attempt.stop === 'cancel' || recovered?.cancel === true;
    if (!wanted || this.#forced) return;
    const now = services.clock.elapsed();
    const force = this.#askedAt !== undefined && now >= this.#askedAt + GRACE_MS;
    if (this.#askedAt !== undefined && !force) return;
    this.#askedAt ??= now;
    this.#forced = force;
    if (does.cancel === undefined) return;
    try {
      await answerTo(this.#running, does.cancel(context, this.#job, force));
    } catch (error) {
      this.#note(failureOf(error));
    }
  }

  /** The system was asked, and with force, and its job continues. */
  get isOverdue(): boolean {
    const now = this.#running.services.clock.elapsed();
    return this.#forced && now >= (this.#askedAt ?? now) + GRACE_MS + UNCONFIRMED_MS;
  }

  delay(askAgainMs: number): number {
    return this.#askedAt === undefined ? askAgainMs : Math.min(askAgainMs, GRACE_MS / 2);
  }

  #note(error: ActionFailure): void {
    this.#running.services.logs.write(this.#running.attempt, {
      stream: 'note',
      text: `the system could not be asked to stop the job: ${error.message}\n`,
    });
  }
}
