/**
 * The audit: the journal, as the API tells it, against what the world saw and what callers were
 * promised. Every sentence that it gives is a broken promise.
 *
 * - every run that was acknowledged is there, once for its key, and has ended
 * - every command that was acknowledged is in its run's events
 * - a run's events are numbered without holes; the list of runs says what the events say
 * - no key took effect twice; none took effect without an intent in the journal; the key of a
 *   success took effect exactly once, one that was refused not at all
 * - the log of an attempt is what its script printed: once, in order, whole when it ended by itself
 * - nothing is unknown in the end
 */
import { eventBatchSchema } from '../../protocol/events.ts';
import { logBatchSchema } from '../../protocol/logs.ts';
import { RUN_IS_OVER, type RunSummary } from '../../model/run.ts';
import { runViewSchema } from '../../protocol/runs.ts';
import { type Attempt, attemptsOf, type Event } from './attempts.ts';
import { allRuns, inParallel } from './drain.ts';
import type { Promised, Start } from './ledger.ts';
import type { LoadParts } from './load.ts';
import { type EffectKind, effectOf, logOf } from './workflows.ts';

/** How often each key took effect, by the kind of effect. */
export type Effects = Readonly<Record<EffectKind, ReadonlyMap<string, number>>>;

export interface Findings {
  readonly broken: readonly string[];
  readonly runs: number;
  readonly tasks: number;
  readonly attempts: number;
  readonly doubled: number;
  readonly lost: number;
}

/** Failures after which the key must not have taken effect: the system refused before it began. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'http.status',
  'http.unreachable',
  'shell.not-started',
  'sql.unreachable',
  'sql.connection',
  'sql.error',
]);
const LEAF_LINES = 10;

export class Audit {
  readonly #parts: LoadParts;
  readonly #effects: Effects;
  readonly #broken: string[] = [];
  readonly #starts: ReadonlyMap<string, Start>;
  readonly #commands = new Map<string, Promised[]>();
  readonly #attempts = new Map<string, Attempt>();
  #tasks = 0;
  #doubled = 0;
  #lost = 0;

  constructor(parts: LoadParts, effects: Effects) {
    this.#parts = parts;
    this.#effects = effects;
    const { starts, commands } = parts.promises;
    this.#starts = new Map(starts.map((start) => [start.run, start]));
    for (const promised of commands) {
      this.#commands.set(promised.run, [...(this.#commands.get(promised.run) ?? []), promised]);
    }
  }

  async findings(): Promise<Findings> {
    const runs = await allRuns(this.#parts);
    this.#auditStarts(runs);
    await inParallel(runs, (run) => this.#auditRun(run));
    this.#auditEffects();
    return {
      broken: this.#broken,
      runs: runs.length,
      tasks: this.#tasks,
      attempts: this.#attempts.size,
      doubled: this.#doubled,
      lost: this.#lost,
    };
  }

  #auditStarts(runs: readonly RunSummary[]): void {
    const there = new Set(runs.map(({ id }) => id));
    for (const { run, key } of this.#parts.promises.starts) {
      if (!there.has(run)) this.#loses(`run ${run} (key ${key}) was acknowledged and is not there`);
    }
    const keys = runs.flatMap(({ key }) => key ?? []);
    if (new Set(keys).size !== keys.length) this.#broken.push('two runs have one key');
  }

  async #auditRun(summary: RunSummary): Promise<void> {
    const { connection } = this.#parts;
    const { id } = summary;
    const events = await this.#eventsOf(id);
    events.forEach((event, at) => {
      if (event.seq !== at) this.#broken.push(`run ${id} has no event ${at}`);
    });
    if (!RUN_IS_OVER.has(summary.status)) this.#loses(`run ${id} is ${summary.status} for ever`);
    const view = await connection.read(`/runs/${id}`, runViewSchema);
    this.#auditViews(summary, view);
    this.#tasks += view?.taskViews.length ?? 0;
    for (const promised of this.#commands.get(id) ?? []) this.#auditCommand(promised, events);
    const attempts = attemptsOf(id, events);
    for (const [key, attempt] of attempts) this.#attempts.set(key, attempt);
    if (summary.workflow !== 'probe') await this.#auditLogs(summary, attempts);
  }

  #auditViews(summary: RunSummary, view: RunSummary | null): void {
    // While a run goes on, the list does not count along.
    if (!RUN_IS_OVER.has(summary.status)) return;
    const said = JSON.stringify([summary.status, summary.tasks]);
    const folded = JSON.stringify([view?.status, view?.tasks]);
    if (said === folded) return;
    this.#broken.push(`the list says of run ${summary.id} ${said}, its events say ${folded}`);
  }

  #auditCommand(promised: Promised, events: readonly Event[]): void {
    const words = `"reason":"${promised.reason}"`;
    if (events.some(({ data }) => JSON.stringify(data).includes(words))) return;
    if (promised.verb === 'hold' && standsWhile(promised, events, true)) return;
    if (promised.verb === 'release' && standsWhile(promised, events, false)) return;
    const { run, verb, task } = promised;
    this.#loses(
      `${verb} ${task ?? ''} of run ${run} (${promised.reason}) was acknowledged and is lost`,
    );
  }

  async #auditLogs(summary: RunSummary, attempts: ReadonlyMap<string, Attempt>): Promise<void> {
    const logs = await this.#logsOf(summary.id);
    const lines = this.#starts.get(summary.id)?.lines ?? LEAF_LINES;
    for (const attempt of attempts.values()) {
      if (effectOf(attempt.task) !== 'script') continue;
      const expected = logOf(attempt.key, lines);
      const whole = attempt.succeeded || attempt.failed === 'shell.exit';
      for (const stream of ['out', 'err'] as const) {
        const found = logs.get(`${attempt.key} ${stream}`) ?? '';
        // What the shell says of a TERM that it was sent.
        const said = whole ? found : found.replace(/Terminated\n$/, '');
        const fine = whole ? said === expected[stream] : expected[stream].startsWith(said);
        if (!fine) this.#broken.push(logFault(attempt, stream, expected[stream], found));
      }
    }
  }

  #auditEffects(): void {
    for (const kind of ['script', 'post', 'book'] as const) {
      for (const [key, count] of this.#effects[kind]) {
        if (count > 1) this.#doubles(`${kind}: ${key} took effect ${count} times`);
        const attempt = this.#attempts.get(key);
        if (attempt === undefined || !(attempt.started || attempt.succeeded || kind === 'book'))
          this.#broken.push(`${kind}: ${key} took effect without an intent in the journal`);
      }
    }
    for (const attempt of this.#attempts.values()) this.#auditAttempt(attempt);
  }

  #auditAttempt(attempt: Attempt): void {
    const kind = effectOf(attempt.task);
    if (kind === null) return;
    const { key, failed } = attempt;
    const count = this.#effects[kind].get(key) ?? 0;
    if (attempt.succeeded && count === 0)
      this.#loses(`${kind}: ${key} succeeded and took no effect`);
    if (failed !== null && WITHOUT_EFFECT.has(failed) && count > 0)
      this.#doubles(
        `${kind}: ${key} failed as ${failed}, yet took effect; its retry takes another`,
      );
    if (attempt.failed === 'shell.exit' && count === 0)
      this.#loses(`${kind}: ${key} ran and took no effect`);
    if (attempt.failed === 'shell.lost') this.#loses(`${key} lost its process`);
    if (attempt.lost > 0 && kind !== 'book')
      this.#loses(`${key} was unknown, though it can be located`);
  }

  #doubles(sentence: string): void {
    this.#doubled += 1;
    this.#broken.push(sentence);
  }

  #loses(sentence: string): void {
    this.#lost += 1;
    this.#broken.push(sentence);
  }

  async #eventsOf(run: string): Promise<Event[]> {
    const events: Event[] = [];
    for (let after = -1; ; ) {
      const path = `/runs/${run}/events?after=${after}&limit=5000`;
      const batch = await this.#parts.connection.read(path, eventBatchSchema);
      events.push(...(batch?.events ?? []));
      if (batch?.more !== true) return events;
      after = batch.next;
    }
  }

  /** Text by key and stream. */
  async #logsOf(run: string): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    for (let after = ''; ; ) {
      const path = `/runs/${run}/logs?limit=5000${after}`;
      const batch = await this.#parts.connection.read(path, logBatchSchema);
      for (const { task, attempt, stream, text } of batch?.chunks ?? []) {
        const key = `${run}:${task}:${attempt} ${stream}`;
        texts.set(key, (texts.get(key) ?? '') + text);
      }
      if (batch?.more !== true || batch.next === null) return texts;
      after = `&after=${encodeURIComponent(batch.next)}`;
    }
  }
}

/**
 * A hold of what is held writes no event. Then what it asked for must have stood at some moment
 * between question and answer.
 */
function standsWhile(promised: Promised, events: readonly Event[], held: boolean): boolean {
  const [holds, releases] =
    promised.task === null ? ['RunHeld', 'RunReleased'] : ['TaskHeld', 'TaskReleased'];
  let standing = false;
  for (const event of events) {
    if (event.at > promised.answeredAt) break;
    if (event.task !== promised.task && promised.task !== null) continue;
    if (event.at >= promised.askedAt && standing === held) return true;
    if (event.type === holds) standing = true;
    if (event.type === releases) standing = false;
  }
  return standing === held;
}

function logFault(attempt: Attempt, stream: string, expected: string, found: string): string {
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at += 1;
  const near = JSON.stringify(found.slice(Math.max(0, at - 60), at + 60));
  return `the ${stream} log of ${attempt.key} has ${found.length} of ${expected.length} characters and differs at ${at}, near ${near}`;
}
