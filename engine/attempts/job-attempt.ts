/**
 * An attempt of an action whose job lives in the system: submitted once under its key, followed
 * until the system says how it ended, its log read on from the last durable cursor, cancelled in two
 * phases. A restart of Tutti takes it up where it is.
 */
import { ActionFailure, type JobAction, type JobState } from '../../connectors/kit/connector.ts';
import { bug } from '../../model/errors.ts';
import type { Json } from '../../model/json.ts';
import { inquiryOf } from './inquiry.ts';
import {
  answerTo,
  confirm,
  failureOf,
  failWith,
  find,
  lose,
  pause,
  succeed,
  type Underway,
} from './outcome.ts';

const FIRST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 30_000;
/** Questions that may fail before the task is called unknown. */
const PATIENCE = 3;
/** How long a job may take to stop before it is asked with force. */
const GRACE_MS = 10_000;
/** And then before it is called unknown, so that a person can decide. */
const UNCONFIRMED_MS = 30_000;
/** To hand a job over, with all that belongs to it; and when it is not wanted any more. */
const SUBMIT_LIMIT = { ms: 600_000, graceMs: 5_000 };

/** The node stops, or nobody wants the outcome: the job goes on by itself. */
class Interrupted extends Error {}

interface Jobs extends Underway {
  readonly does: JobAction<unknown, unknown, unknown>;
  cursor: Json;
  lost: boolean;
  /** Submitted a moment ago. */
  fresh: boolean;
}

export async function jobAttempt(underway: Underway): Promise<void> {
  const does = underway.action.does;
  if (does.form !== 'job') return bug('a job');
  const jobs: Jobs = {
    ...underway,
    // Its job is stopped by `cancel`; all else is asking, while that goes on too.
    context: inquiryOf(underway.attempt, underway.context),
    does,
    cursor: null,
    lost: underway.recovered?.lost ?? false,
    fresh: underway.recovered === undefined,
  };
  try {
    const job = await obtain(jobs);
    if (job === undefined) return;
    await follow(jobs, job);
  } catch (error) {
    if (!(error instanceof Interrupted)) await failWith(jobs, failureOf(error));
  } finally {
    underway.services.finish(underway.attempt);
  }
}

/** The job of this attempt: the one that is there, or a new one. */
async function obtain(jobs: Jobs): Promise<Json | undefined> {
  const { recovered, does, context, input, services, attempt } = jobs;
  if (recovered !== undefined) {
    jobs.cursor = await services.logs.resume(attempt);
    if (recovered.job !== undefined) return recovered.job;
    const found = await persist(jobs, () => does.locate(context, input));
    if (found !== 'absent') return submitted(jobs, found);
    if (isUnwanted(jobs)) return unsubmitted(jobs);
  }
  let answer: Json;
  try {
    answer = await submit(jobs);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const failure = failureOf(error);
    if (failure.class !== 'unknown') throw failure;
    // The reply may have been lost after the job was made: look before anything else.
    const found = await persist(jobs, () => does.locate(context, input));
    if (found === 'absent' && isUnwanted(jobs)) return unsubmitted(jobs);
    answer = found === 'absent' ? await submit(jobs) : found;
  }
  return submitted(jobs, answer);
}

function isUnwanted({ attempt, recovered }: Jobs): boolean {
  return attempt.stop === 'cancel' || recovered?.cancel === true;
}

async function unsubmitted(jobs: Jobs): Promise<undefined> {
  await confirm(jobs);
  return undefined;
}

/** Somebody else may have this run by now, and submit it too: only a lease that is sure allows it. */
async function submit(jobs: Jobs): Promise<Json> {
  const { does, context, input, services } = jobs;
  const may = services.mayLeave();
  if (may !== true && !(await may)) throw new Interrupted();
  return answerTo(jobs, does.submit(context, input), SUBMIT_LIMIT);
}

function submitted(jobs: Jobs, job: Json): Json {
  const { run, task, number } = jobs.attempt;
  jobs.services.tell(jobs.attempt, { type: 'SubmitTask', run: run.id, task, attempt: number, job });
  return job;
}

/**
 * Asks the system until it answers. A system that cannot be asked makes the task `unknown`, never
 * failed; when it answers again the task goes on.
 */
async function persist<T>(jobs: Jobs, question: () => Promise<T>): Promise<T> {
  let delayMs = FIRST_LOOK_MS;
  for (let failures = 1; ; failures++) {
    if (jobs.attempt.isAbandoned) throw new Interrupted();
    try {
      const answer = await answerTo(jobs, question());
      if (jobs.lost) {
        jobs.lost = false;
        find(jobs);
      }
      return answer;
    } catch (error) {
      if (jobs.attempt.isAbandoned) throw new Interrupted();
      const failure = failureOf(error);
      if (failure.class !== 'unknown' && failure.class !== 'transient') throw failure;
      if (!jobs.lost && failures >= PATIENCE) {
        jobs.lost = true;
        if (!(await lose(jobs, failure))) throw new Interrupted();
      }
      await pause(jobs, delayMs);
      delayMs = Math.min(delayMs * 2, LONGEST_LOOK_MS);
    }
  }
}

async function follow(jobs: Jobs, job: Json): Promise<void> {
  const { does, context } = jobs;
  const cancelling = new Cancelling(jobs, job);
  // A system that tells when there is something to see is not asked before there can be.
  if (jobs.fresh && does.wake !== undefined) await rest(jobs, job, FIRST_LOOK_MS);
  for (;;) {
    await cancelling.look();
    const state = await persist(jobs, () => does.follow(context, job));
    await readLog(jobs, job);
    if (state.state !== 'running') {
      await settle(jobs, job, state);
      return;
    }
    if (cancelling.isOverdue) await lose(jobs, unconfirmed(jobs));
    await rest(jobs, job, cancelling.delay(state.askAgainMs));
  }
}

/** Until it is time to ask again, or the system says that it is worth it. */
async function rest(jobs: Jobs, job: Json, delayMs: number): Promise<void> {
  const { does, context, attempt } = jobs;
  const wake = does.wake?.(context, job).catch(() => undefined);
  await pause(jobs, delayMs, ...(wake === undefined ? [] : [wake]));
  if (attempt.isAbandoned) throw new Interrupted();
}

async function settle(jobs: Jobs, job: Json, state: JobState<unknown>): Promise<void> {
  const durable = await outcome(jobs, state);
  // What the job left behind is forgotten only when its outcome is in the book.
  const releasing = durable ? jobs.does.release?.(jobs.context, job) : undefined;
  if (releasing !== undefined) await answerTo(jobs, releasing).catch(() => undefined);
}

function outcome(jobs: Jobs, state: JobState<unknown>): Promise<boolean> {
  switch (state.state) {
    case 'succeeded':
      return succeed(jobs, state.output);
    case 'failed':
      return failWith(jobs, state.failure);
    case 'cancelled':
      return confirm(jobs);
    case 'running':
      return bug('still running');
  }
}

function unconfirmed({ attempt }: Jobs): ActionFailure {
  const message = `the system was asked to stop the job of "${attempt.task}", and says that it goes on`;
  return new ActionFailure({ class: 'unknown', code: 'task.cancel-unconfirmed', message });
}

async function readLog(jobs: Jobs, job: Json): Promise<void> {
  const { does, context, services, attempt } = jobs;
  if (does.log === undefined) return;
  for (let more = true; more; ) {
    const read = await persist(jobs, () => does.log?.(context, job, jobs.cursor) ?? bug('log'));
    services.logs.read(attempt, { from: jobs.cursor, lines: read.chunks, cursor: read.cursor });
    jobs.cursor = read.cursor;
    more = read.more;
    await services.logs.room();
  }
}

/** Two phases: asked, then confirmed by `follow`; asked with force after a while. */
class Cancelling {
  readonly #jobs: Jobs;
  readonly #job: Json;
  #askedAt: number | undefined;
  #forced = false;

  constructor(jobs: Jobs, job: Json) {
    this.#jobs = jobs;
    this.#job = job;
  }

  async look(): Promise<void> {
    const { attempt, does, context, services, recovered } = this.#jobs;
    const wanted = attempt.stop === 'cancel' || recovered?.cancel === true;
    if (!wanted || this.#forced) return;
    const now = services.clock.elapsed();
    const force = this.#askedAt !== undefined && now >= this.#askedAt + GRACE_MS;
    if (this.#askedAt !== undefined && !force) return;
    this.#askedAt ??= now;
    this.#forced = force;
    if (does.cancel === undefined) return;
    try {
      await answerTo(this.#jobs, does.cancel(context, this.#job, force));
    } catch (error) {
      this.#note(failureOf(error));
    }
  }

  /** It was asked, and with force, and goes on. */
  get isOverdue(): boolean {
    const now = this.#jobs.services.clock.elapsed();
    return this.#forced && now >= (this.#askedAt ?? now) + GRACE_MS + UNCONFIRMED_MS;
  }

  delay(askAgainMs: number): number {
    return this.#askedAt === undefined ? askAgainMs : Math.min(askAgainMs, GRACE_MS / 2);
  }

  #note(error: ActionFailure): void {
    this.#jobs.services.logs.write(this.#jobs.attempt, {
      stream: 'note',
      text: `the system could not be asked to stop the job: ${error.message}\n`,
    });
  }
}
