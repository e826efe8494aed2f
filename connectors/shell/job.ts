/**
 * The life of a job on this machine: submit, locate, follow, cancel, clean up.
 *
 *   absent ──submit──▶ starting ──claim──▶ started ──exit──▶ ended
 *                         │ no supervisor claims it in time   (its supervisor gone without an
 *                         ▼                                    exit code: lost)
 *                   voided: certain that it never ran
 *
 * What tells how the job ends may go before the job does: its supervisor is killed, or the job
 * spoils its claim or removes its folder. Then it runs as long as a process of it lives, and is lost
 * only when none is left: a retry must not run beside it.
 */
import { hostname, uptime } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import { ActionFailure, type ActionContext, type JobState } from '../kit/index.ts';
import {
  ageMs,
  type FolderState,
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
  voidEmptyClaim,
  wasForced,
} from './attempt-folder.ts';
import {
  endsWell,
  exitCodesSchema,
  type Expected,
  outcomeOf,
  OUTPUT_MODES,
  type ShellOutput,
  spoiled,
} from './outcome.ts';
import { forgetLog } from './log.ts';
import { bootId, commandOf, SEES_ENVIRONMENTS } from './processes.ts';
import { type Hunted, isAlive, killAll, remaindersOf, survivorsOf, terminate } from './stopping.ts';
import { NotClaimed, StarterLost } from './launcher.ts';
import { isPursued, startSupervisor } from './supervisor.ts';

/** Time for a supervisor between its start and its claim; far more than a loaded machine needs. */
const STARTING_LIMIT_MS = 30_000;

const SHOWN_PROCESSES = 5;

const jobSchema = z.strictObject({
  host: z.string(),
  folder: z.string(),
  output: z.enum(OUTPUT_MODES),
  exitCodes: exitCodesSchema,
});
type Job = z.output<typeof jobSchema>;

export interface ShellWork extends Expected {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It may run twice: no need to make its folder survive a power failure. */
  readonly idempotent: boolean;
}

export async function submitJob(context: ActionContext, work: ShellWork): Promise<Json> {
  const job = jobOf(context, work);
  const folder = folderOf(context.stateDirectory, job.folder);
  const made = makeFolder(folder);
  if (!work.idempotent) await syncFolder(path.dirname(folder));
  const state = made ? fresh(folder) : await readState(folder);
  // Another supervisor for one that is only starting does no harm: one of them gets the claim.
  if (state.kind !== 'starting' || isPursued(folder, state.claim)) return job;
  const env = environmentOf(context, folder, work.env);
  try {
    await startSupervisor({ ...work, folder, claim: state.claim, env });
  } catch (error) {
    if (error instanceof StarterLost) throw startUnknown();
    if (made) await removeFolder(folder);
    if (error instanceof NotClaimed) throw notClaimed(error, folder);
    throw notStarted(error, work);
  }
  return job;
}

export async function locateJob(context: ActionContext, expected: ShellWork): Promise<Json> {
  const job = jobOf(context, expected);
  const folder = folderOf(context.stateDirectory, job.folder);
  const state = await stateOf(context, folder);
  switch (state.kind) {
    case 'absent':
      if (context.elsewhere === true && !expected.idempotent) throw elsewhere();
      return 'absent';
    case 'started':
    case 'ended':
    case 'spoiled':
      return job;
    case 'starting':
      if (isPursued(folder, state.claim) || !(await voidClaim(state.claim))) return job;
      return 'absent';
  }
}

/**
 * An empty claim is what an older Tutti left on a full disk: its supervisor went without having
 * begun, and the claim is void. Unless the machine went down meanwhile: then it may have been whole
 * once, the job may have run, and that cannot be told.
 */
async function stateOf(context: ActionContext, folder: string): Promise<FolderState> {
  for (;;) {
    const state = await readState(folder);
    if (state.kind !== 'spoiled' || state.what !== 'empty') return state;
    const age = (await ageMs(state.claim)) ?? 0;
    if (age < STARTING_LIMIT_MS || age > uptime() * 1000) return state;
    if (!(await isDeserted(context.key))) return state;
    await voidEmptyClaim(state.claim);
  }
}

export async function followJob(context: ActionContext, at: Json): Promise<JobState<ShellOutput>> {
  const { folder, job } = openJob(context, at);
  const state = await stateOf(context, folder);
  switch (state.kind) {
    case 'absent':
      return await followMissing(context, folder, job);
    case 'starting':
      return await followStarting(context, folder, state);
    case 'spoiled':
      return await followSpoiled(context, folder, state);
    case 'started':
      return await followStarted(context, folder, job, state);
    case 'ended':
      return await followEnded(context, folder, job, state);
  }
}

async function followStarting(
  { key }: ActionContext,
  folder: string,
  { claim, voided }: FolderState & { kind: 'starting' },
): Promise<JobState<ShellOutput>> {
  const cancelled = (await requestedCancelAtMs(folder)) !== undefined;
  const late = ((await ageMs(folder)) ?? 0) > STARTING_LIMIT_MS && (await isDeserted(key));
  const over = (cancelled && voided) || ((cancelled || late) && (await voidClaim(claim)));
  if (!over) return { state: 'running', askAgainMs: 20 };
  if (cancelled) return { state: 'cancelled', native: { started: false } };
  const message = `did not start within ${STARTING_LIMIT_MS / 1000} s, and now it cannot any more; the machine may be short of memory or processes`;
  const failure = new ActionFailure({ class: 'transient', code: 'shell.not-started', message });
  return { state: 'failed', failure };
}

/** No process carries the key: none that runs, and none that still waits for its claim. */
async function isDeserted(key: string): Promise<boolean> {
  return (await survivorsOf({ key, by: undefined })).length === 0;
}

/** Without its claim only the key tells whether the job still runs, and nothing how it ended. */
async function followSpoiled(
  context: ActionContext,
  folder: string,
  { claim, what }: FolderState & { kind: 'spoiled' },
): Promise<JobState<ShellOutput>> {
  const hunted = { key: context.key, by: undefined };
  if ((await requestedCancelAtMs(folder)) !== undefined) {
    return await confirmCancel(folder, hunted, null);
  }
  const young = what === 'empty' && ((await ageMs(claim)) ?? 0) < STARTING_LIMIT_MS;
  if (young || !(await isDeserted(context.key))) return { state: 'running', askAgainMs: 1000 };
  // It may have continued its work between the two checks.
  const last = await readState(folder);
  const found = last.kind === 'spoiled' ? last.what : what;
  if (found !== 'empty') {
    return { state: 'failed', failure: spoiled(path.basename(claim), found) };
  }
  const message =
    'its claim is empty and the machine was restarted since: whether it ran cannot be told; look at what it did before running it again';
  const failure = new ActionFailure({ class: 'lost', code: 'shell.lost', message });
  return { state: 'failed', failure };
}

async function followStarted(
  context: ActionContext,
  folder: string,
  job: Job,
  state: FolderState & { kind: 'started' },
): Promise<JobState<ShellOutput>> {
  const native = { pid: state.by.pid };
  if (await isAlive(state.by)) {
    const age = Date.now() - state.atMs;
    return { state: 'running', askAgainMs: Math.min(1000, Math.max(20, age / 4)), native };
  }
  // It may have ended between the two looks: the exit code is written before the process goes.
  const again = await readState(folder);
  if (again.kind === 'ended') return await followEnded(context, folder, job, again);
  if (again.kind === 'absent') return await followMissing(context, folder, job);
  const hunted = { key: context.key, by: state.by };
  if ((await requestedCancelAtMs(folder)) !== undefined) {
    return await confirmCancel(folder, hunted, native);
  }
  const left = SEES_ENVIRONMENTS ? await survivorsOf(hunted) : [];
  if (left.length > 0) {
    const why = `the supervisor of the job (pid ${state.by.pid}) was killed`;
    return await followSurvivors(context, folder, why, left);
  }
  const message = `${fateOf(state.by)}; look at what it did before running it again`;
  const failure = new ActionFailure({ class: 'lost', code: 'shell.lost', message, native });
  return { state: 'failed', failure, native };
}

function fateOf(by: Started): string {
  const supervisor = `its supervisor (pid ${by.pid})`;
  if (!SEES_ENVIRONMENTS) {
    return `${supervisor} is gone and left no exit code: it was killed, or the machine restarted`;
  }
  if (by.boot !== bootId()) return 'the machine restarted while it ran, and it left no exit code';
  return `${supervisor} was killed and left no exit code: its processes have ended, and how the script ended is not known`;
}

/** The job may have removed its folder itself, and run on. */
async function followMissing(
  context: ActionContext,
  folder: string,
  job: Job,
): Promise<JobState<ShellOutput>> {
  if (isElsewhere(context, job)) throw elsewhere(job);
  const left = await survivorsOf({ key: context.key, by: undefined });
  if (left.length === 0) throw missing(job);
  return await followSurvivors(context, folder, 'the attempt folder of the job is gone', left);
}

/** Jobs whose log says that they are followed by their processes. */
const noted = new Set<string>();

async function followSurvivors(
  context: ActionContext,
  folder: string,
  why: string,
  left: readonly number[],
): Promise<JobState<ShellOutput>> {
  if (!noted.has(folder)) {
    noted.add(folder);
    const named = await namesOf(context, left);
    const text = `${why}: how the job ends cannot be recorded any more. Its processes live on, and the task runs until the last of them has ended: ${named}\n`;
    context.log('note', text);
  }
  return { state: 'running', askAgainMs: 1000, native: { remaining: left.length } };
}

async function followEnded(
  context: ActionContext,
  folder: string,
  job: Job,
  { by, exitCode, atMs }: FolderState & { kind: 'ended' },
): Promise<JobState<ShellOutput>> {
  const cancelAtMs = await requestedCancelAtMs(folder);
  const cancelled = cancelAtMs !== undefined && cancelAtMs <= atMs;
  if (cancelled && !endsWell(exitCode, job.exitCodes)) {
    return await confirmCancel(folder, { key: context.key, by }, { exitCode });
  }
  await noteRemainders(context, by);
  return await outcomeOf(folder, exitCode, job);
}

/** A job that ends by itself may leave a daemon behind on purpose; the log says that it did. */
async function noteRemainders(context: ActionContext, by: Started): Promise<void> {
  const left = await remaindersOf(context.key, by);
  if (left.length === 0) return;
  const named = await namesOf(context, left);
  context.log('note', `the job has ended, and what it began in the background runs on: ${named}\n`);
}

async function namesOf(context: ActionContext, pids: readonly number[]): Promise<string> {
  const shown = pids.slice(0, SHOWN_PROCESSES);
  const named = await Promise.all(shown.map((pid) => nameOf(context, pid)));
  const more = pids.length > shown.length ? ` and ${pids.length - shown.length} more` : '';
  return `${named.join(', ')}${more}`;
}

async function nameOf(context: Pick<ActionContext, 'redact'>, pid: number): Promise<string> {
  const words = (await commandOf(pid)).replaceAll('\0', ' ').trim();
  const command = (context.redact?.(words) ?? words).slice(0, 60);
  return command === '' ? `pid ${pid}` : `pid ${pid} (${command})`;
}

/** Cancelled is what has nothing running any more: descendants may not have listened. */
async function confirmCancel(
  folder: string,
  hunted: Hunted,
  native: Json,
): Promise<JobState<ShellOutput>> {
  const left = await survivorsOf(hunted);
  if (left.length === 0) return { state: 'cancelled', native };
  // What was between two programs when all were killed shows itself now.
  if (await wasForced(folder)) await killAll(hunted);
  return { state: 'running', askAgainMs: 50, native: { remaining: left.length } };
}

export async function cancelJob(context: ActionContext, at: Json, force: boolean): Promise<void> {
  const { folder, job } = openJob(context, at);
  const state = await readState(folder);
  if (state.kind === 'absent') {
    if (isElsewhere(context, job)) throw elsewhere(job);
    await stop(context, folder, state, force);
    return;
  }
  const asked = (await requestedCancelAtMs(folder)) !== undefined;
  if (state.kind === 'ended' && !asked) return;
  try {
    await markCancel(folder, force);
  } finally {
    // Also when the disk is full: the job is to end.
    await stop(context, folder, state, force);
  }
}

async function stop(
  context: ActionContext,
  folder: string,
  state: FolderState,
  force: boolean,
): Promise<void> {
  const unclaimed = state.kind === 'starting' && (await voidClaim(state.claim));
  if (unclaimed) return;
  const now = state.kind === 'starting' ? await readState(folder) : state;
  const { key } = context;
  const by = now.kind === 'started' || now.kind === 'ended' ? now.by : undefined;
  if (force) await killAll({ key, by });
  else await terminate({ key, by });
  if (SEES_ENVIRONMENTS) return;
  context.log(
    'note',
    'processes that left the session of the job cannot be found on this system: they may run on\n',
  );
}

export async function cleanUpJob(context: ActionContext, at: Json): Promise<void> {
  const { folder } = openJob(context, at);
  forgetLog(folder);
  noted.delete(folder);
  await removeFolder(folder);
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

function isElsewhere(context: ActionContext, job: Job): boolean {
  return context.elsewhere === true || job.host !== hostname();
}

function missing(job: Job): ActionFailure {
  const message = `the attempt folder ${job.folder} is gone: what the job did cannot be told any more`;
  return new ActionFailure({ class: 'lost', code: 'shell.lost', message });
}

/** With TUTTI_URL and TUTTI_TOKEN a script can ask about its run: `tutti show "$TUTTI_RUN"`. */
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
    ...(context.token !== undefined && { TUTTI_TOKEN: context.token }),
    ...tracing(context, env),
    ...env,
    TUTTI_RUN: context.run,
    TUTTI_TASK: context.task,
    TUTTI_ATTEMPT: String(context.attempt),
    TUTTI_KEY: context.key,
    TUTTI_OUTPUT: path.join(folder, 'output'),
  };
}

/** It may be running: the claim says so. */
function startUnknown(): ActionFailure {
  const message = 'the process that starts jobs was gone before it told whether this one started';
  return new ActionFailure({ class: 'unknown', code: 'shell.start-unknown', message });
}

/** Nothing ran: the supervisor goes without a word when it is not given its claim. */
function notClaimed(error: Error, folder: string): ActionFailure {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  const why = code === 'ENOSPC' ? 'the disk is full' : code;
  const message = `nothing was started: the attempt folder ${folder} cannot be written (${why})`;
  return new ActionFailure(
    { class: 'transient', code: 'shell.not-started', message, native: { error: code } },
    { cause: error },
  );
}

/** Nothing ran: the system refused the process. */
function notStarted(error: unknown, work: ShellWork): ActionFailure {
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
