/**
 * The life of a job on this machine: submit, locate, follow, cancel, release.
 *
 *   absent ──submit──▶ starting ──claim──▶ started ──exit──▶ ended
 *                         │ nobody claims it in time          (its process gone without an
 *                         ▼                                    exit code: lost)
 *                   voided: certain that it never ran
 */
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import { ActionFailure, type ActionContext, type JobState } from '../kit/index.ts';
import {
  ageMs,
  type AttemptState,
  folderName,
  folderOf,
  fresh,
  makeFolder,
  markCancel,
  readState,
  removeFolder,
  requestedCancelAtMs,
  type Started,
  syncFolder,
  voidClaim,
} from './attempt-folder.ts';
import {
  endsWell,
  exitCodesSchema,
  type Expected,
  outcomeOf,
  OUTPUT_MODES,
  type ShellOutput,
} from './outcome.ts';
import { isAlive, killAll, membersOf, terminate } from './stopping.ts';
import { StarterLost } from './launcher.ts';
import { isPursued, startSupervisor } from './supervisor.ts';

/** Time for a supervisor between its start and its claim; far more than a loaded machine needs. */
const STARTING_LIMIT_MS = 30_000;

const jobSchema = z.strictObject({
  host: z.string(),
  folder: z.string(),
  output: z.enum(OUTPUT_MODES),
  exitCodes: exitCodesSchema,
});
type Job = z.output<typeof jobSchema>;

export interface Work extends Expected {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It may run twice: no need to make its folder survive a power failure. */
  readonly idempotent: boolean;
}

export async function submitJob(context: ActionContext, work: Work): Promise<Json> {
  const job = jobOf(context, work);
  const folder = folderOf(context.stateDirectory, job.folder);
  const made = makeFolder(folder);
  if (!work.idempotent) await syncFolder(path.dirname(folder));
  const state = made ? fresh(folder) : readState(folder);
  // Another supervisor for one that is only starting does no harm: one of them gets the claim.
  if (state.kind !== 'starting' || isPursued(folder, state.claim)) return job;
  const env = environmentOf(context, folder, work.env);
  try {
    await startSupervisor({ ...work, folder, claim: state.claim, env });
  } catch (error) {
    if (error instanceof StarterLost) throw startUnknown();
    if (made) await removeFolder(folder);
    throw notStarted(error, work);
  }
  return job;
}

export async function locateJob(context: ActionContext, expected: Work): Promise<Json> {
  const job = jobOf(context, expected);
  const folder = folderOf(context.stateDirectory, job.folder);
  const state = readState(folder);
  switch (state.kind) {
    case 'absent':
      if (context.elsewhere === true && !expected.idempotent) throw elsewhere();
      return 'absent';
    case 'started':
    case 'ended':
      return job;
    case 'starting':
      if (isPursued(folder, state.claim) || !voidClaim(state.claim)) return job;
      return 'absent';
  }
}

export async function followJob(context: ActionContext, at: Json): Promise<JobState<ShellOutput>> {
  const { folder, job } = openJob(context, at);
  const state = readState(folder);
  switch (state.kind) {
    case 'absent':
      throw missing(context, job);
    case 'starting':
      return followStarting(folder, state);
    case 'started':
      return await followStarted(folder, job, state);
    case 'ended':
      return await followEnded(folder, job, state);
  }
}

function followStarting(
  folder: string,
  { claim, voided }: AttemptState & { kind: 'starting' },
): JobState<ShellOutput> {
  const cancelled = requestedCancelAtMs(folder) !== undefined;
  const late = (ageMs(folder) ?? 0) > STARTING_LIMIT_MS;
  const over = (cancelled && voided) || ((cancelled || late) && voidClaim(claim));
  if (!over) return { state: 'running', askAgainMs: 20 };
  if (cancelled) return { state: 'cancelled', native: { started: false } };
  const message = `did not start within ${STARTING_LIMIT_MS / 1000} s, and now it cannot any more; the machine may be short of memory or processes`;
  const failure = new ActionFailure({ class: 'transient', code: 'shell.not-started', message });
  return { state: 'failed', failure };
}

async function followStarted(
  folder: string,
  job: Job,
  state: AttemptState & { kind: 'started' },
): Promise<JobState<ShellOutput>> {
  const native = { pid: state.by.pid };
  if (await isAlive(state.by)) {
    const age = Date.now() - state.atMs;
    return { state: 'running', askAgainMs: Math.min(1000, Math.max(20, age / 4)), native };
  }
  // It may have ended between the two looks: the exit code is written before the process goes.
  const again = readState(folder);
  if (again.kind === 'ended') return await followEnded(folder, job, again);
  if (requestedCancelAtMs(folder) !== undefined) return await confirmCancel(state.by, native);
  const message = `its supervisor (pid ${state.by.pid}) is gone and left no exit code: it was killed, or the machine restarted; look at what it did before running it again`;
  const failure = new ActionFailure({ class: 'lost', code: 'shell.lost', message, native });
  return { state: 'failed', failure, native };
}

async function followEnded(
  folder: string,
  job: Job,
  state: AttemptState & { kind: 'ended' },
): Promise<JobState<ShellOutput>> {
  const cancelAtMs = requestedCancelAtMs(folder);
  const cancelled = cancelAtMs !== undefined && cancelAtMs <= state.atMs;
  if (cancelled && !endsWell(state.exitCode, job.exitCodes)) {
    return await confirmCancel(state.by, { exitCode: state.exitCode });
  }
  return outcomeOf(folder, state.exitCode, job);
}

/** Cancelled is what has nothing running any more: descendants may not have listened. */
async function confirmCancel(by: Started, native: Json): Promise<JobState<ShellOutput>> {
  const left = await membersOf(by);
  if (left.length === 0) return { state: 'cancelled', native };
  return { state: 'running', askAgainMs: 50, native: { remaining: left.length } };
}

export async function cancelJob(context: ActionContext, at: Json, force: boolean): Promise<void> {
  const { folder, job } = openJob(context, at);
  const state = readState(folder);
  if (state.kind === 'absent') {
    if (context.elsewhere === true || job.host !== hostname()) throw elsewhere(job);
    return;
  }
  const asked = requestedCancelAtMs(folder) !== undefined;
  if (state.kind === 'ended' && !asked) return;
  markCancel(folder);
  const unclaimed = state.kind === 'starting' && voidClaim(state.claim);
  const now = state.kind === 'starting' && !unclaimed ? readState(folder) : state;
  if (now.kind !== 'started' && now.kind !== 'ended') return;
  if (force) await killAll(now.by);
  else await terminate(now.by);
}

export async function releaseJob(context: ActionContext, at: Json): Promise<void> {
  await removeFolder(openJob(context, at).folder);
}

export function openJob(context: ActionContext, at: Json): { folder: string; job: Job } {
  const job = jobSchema.parse(at);
  return { job, folder: folderOf(context.stateDirectory, job.folder) };
}

function jobOf(context: ActionContext, { output, exitCodes }: Expected): Job {
  return { host: hostname(), folder: folderName(context.key), output, exitCodes };
}

function elsewhere(job?: Job): ActionFailure {
  const where = job === undefined ? 'another node' : job.host;
  const message = `the job was started by ${where}, and only a node with its state directory can tell what became of it`;
  return new ActionFailure({ class: 'unknown', code: 'shell.elsewhere', message });
}

function missing(context: ActionContext, job: Job): ActionFailure {
  if (context.elsewhere === true || job.host !== hostname()) return elsewhere(job);
  const message = `the attempt folder ${job.folder} is gone: what the job did cannot be told any more`;
  return new ActionFailure({ class: 'lost', code: 'shell.lost', message });
}

/** With TUTTI_URL a script can ask the Tutti that runs it: `tutti show "$TUTTI_RUN"`. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TUTTI_URL'] as const;

/** As OpenTelemetry passes contexts to processes; a task that sets one of them traces by itself. */
function tracing({ trace }: ActionContext, env: Readonly<Record<string, string>>) {
  if (trace === undefined || 'TRACEPARENT' in env || 'TRACESTATE' in env) return {};
  const { traceparent, tracestate } = trace;
  return { TRACEPARENT: traceparent, ...(tracestate !== undefined && { TRACESTATE: tracestate }) };
}

function environmentOf(
  context: ActionContext,
  folder: string,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) inherited[name] = value;
  }
  return {
    ...inherited,
    ...tracing(context, env),
    ...env,
    TUTTI_RUN: context.run,
    TUTTI_TASK: context.task,
    TUTTI_ATTEMPT: String(context.attempt),
    TUTTI_KEY: context.key,
    TUTTI_OUTPUT: path.join(folder, 'output'),
  };
}

/** It may be running: whoever asks for the claim knows. */
function startUnknown(): ActionFailure {
  const message = 'the process that starts jobs was gone before it told whether this one started';
  return new ActionFailure({ class: 'unknown', code: 'shell.start-unknown', message });
}

/** Nothing ran: the system refused the process. */
function notStarted(error: unknown, work: Work): ActionFailure {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  const failure = (kind: 'transient' | 'rejected', message: string) =>
    new ActionFailure(
      { class: kind, code: 'shell.not-started', message, native: { error: code } },
      { cause: error },
    );
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EACCES':
      return failure('rejected', `the working folder ${work.cwd} is not there or closed to us`);
    case 'E2BIG':
      return failure('rejected', 'the script and its env are too long; put them into files');
  }
  return failure('transient', `the system did not start the process (${code})`);
}
