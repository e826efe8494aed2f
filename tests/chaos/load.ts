/**
 * The load: a few players, each with one run at a time. A player starts a run, follows it by its
 * events, meddles with it as an operator would, answers its approvals, sometimes mends or repeats
 * it after its end, and goes on to the next one. Some runs it simply leaves behind, held or
 * waiting for a decision: they lie there through many kills, until the end of the experiment.
 */
import type { z } from 'zod';
import type { JsonObject } from '../../model/json.ts';
import { acceptedSchema, runPageSchema } from '../../protocol/runs.ts';
import { eventBatchSchema } from '../../protocol/events.ts';
import { RUN_IS_OVER } from '../../model/run.ts';
import { taskNameOf } from '../../model/task-reference.ts';
import type { Chance } from './chance.ts';
import type { Connection } from './connection.ts';
import type { PromiseLedger, Start } from './ledger.ts';
import { drawInputs, LOAD } from './workflows.ts';

const MEDDLES = 0.12;
const LEAVES = 0.05;
const REPEATS = 0.15;
const WAIT = '20s';

type Batch = z.output<typeof eventBatchSchema>;

export interface LoadParts {
  readonly connection: Connection;
  readonly promises: PromiseLedger;
  /** Where scripts write their effects. */
  readonly file: string;
}

/** Sends a command once; whatever comes of it is recorded. */
export async function command(
  parts: LoadParts,
  run: string,
  verb: string,
  task: string | null,
  body: JsonObject = {},
): Promise<boolean> {
  const { connection, promises } = parts;
  const reason = promises.nextReason();
  const path =
    task === null
      ? `/runs/${run}/${verb}`
      : `/runs/${run}/tasks/${encodeURIComponent(task)}/${verb}`;
  const askedAt = Date.now();
  const answer = await connection.post(path, { ...body, reason }, acceptedSchema);
  if (answer.kind === 'refused') promises.refused += 1;
  if (answer.kind === 'lost') promises.lost += 1;
  if (answer.kind !== 'done') return false;
  promises.commands.push({ run, verb, task, reason, askedAt, answeredAt: Date.now() });
  return true;
}

/** Starts a run, as often as it takes: its key makes that one run. */
export async function startRun(
  { connection, promises }: LoadParts,
  workflow: string,
  inputs: JsonObject,
): Promise<Start> {
  const key = promises.nextReason();
  for (;;) {
    const answer = await connection.post('/runs', { workflow, inputs, key }, acceptedSchema);
    if (answer.kind === 'lost') continue;
    const run =
      answer.kind === 'done' ? answer.value.run : await runOfKey(connection, workflow, key);
    if (run === null) {
      const why = answer.kind === 'refused' ? answer.problem.detail : '';
      throw new Error(`a run of ${workflow} was refused: ${why}`);
    }
    const start = { key, run, workflow, lines: Number(inputs['lines'] ?? 0) };
    promises.starts.push(start);
    return start;
  }
}

async function runOfKey(
  connection: Connection,
  workflow: string,
  key: string,
): Promise<string | null> {
  const page = await connection.read(`/runs?workflow=${workflow}&key=${key}`, runPageSchema);
  return page?.items[0]?.id ?? null;
}

export class Player {
  readonly #parts: LoadParts;
  readonly #chance: Chance;
  readonly #stopped: () => boolean;

  constructor(parts: LoadParts, chance: Chance, stopped: () => boolean) {
    this.#parts = parts;
    this.#chance = chance;
    this.#stopped = stopped;
  }

  async play(): Promise<void> {
    while (!this.#stopped()) {
      const inputs = drawInputs(this.#chance, this.#parts.file);
      const { run } = await startRun(this.#parts, this.#chance.pick(LOAD), inputs);
      await this.#attend(run);
    }
  }

  async #attend(run: string): Promise<void> {
    const tasks = new Set<string>();
    let after = -1;
    while (!this.#stopped()) {
      const path = `/runs/${run}/events?after=${after}&wait=${WAIT}`;
      const batch = await this.#parts.connection.read(path, eventBatchSchema);
      if (batch === null) throw new Error(`run ${run} was acknowledged and is not there`);
      after = batch.next;
      for (const { task } of batch.events) if (task !== null) tasks.add(task);
      if (RUN_IS_OVER.has(batch.status) && !batch.more) {
        if (!(await this.#repeat(run, [...tasks]))) return;
      } else if (batch.events.length === 0 || (await this.#react(run, batch, [...tasks]))) {
        // Nothing for so long: it is held, its release was lost. The end of the experiment finds it.
        return;
      }
    }
  }

  /** True: the run is left to itself. */
  async #react(run: string, batch: Batch, tasks: readonly string[]): Promise<boolean> {
    const asked = batch.events.some(({ type, task }) => type === 'TaskStarted' && task === 'ask');
    if (this.#chance.happens(LEAVES)) {
      if (!asked) await command(this.#parts, run, 'hold', null);
      return true;
    }
    if (this.#chance.happens(MEDDLES)) await this.#meddle(run, tasks);
    if (asked) {
      const verb = this.#chance.happens(0.9) ? 'approve' : 'reject';
      await command(this.#parts, run, verb, 'ask');
    }
    return false;
  }

  async #meddle(run: string, tasks: readonly string[]): Promise<void> {
    const chance = this.#chance;
    const parts = this.#parts;
    const task = tasks.length === 0 ? 'end' : chance.pick(tasks);
    const acts: readonly (() => Promise<unknown>)[] = [
      async () => {
        await command(parts, run, 'hold', null);
        await command(parts, run, 'release', null);
      },
      async () => {
        await command(parts, run, 'hold', task);
        await command(parts, run, 'release', task);
      },
      // Two at once, as two people would: one of them is usually refused.
      () =>
        Promise.all([
          command(parts, run, 'skip', task),
          command(parts, run, 'force', task, { as: 'succeeded' }),
        ]),
      () => command(parts, run, 'force', 'end', { as: 'failed' }),
      () => command(parts, run, 'rerun', task),
      () => command(parts, run, 'steer', 'route', { to: 'post-small' }),
      () => command(parts, run, 'restart', null, { from: [taskNameOf(task)] }),
      () => command(parts, run, 'cancel', null),
    ];
    await chance.pick(acts)();
  }

  /** After the end of a run: false when it stays ended. */
  #repeat(run: string, tasks: readonly string[]): Promise<boolean> {
    const chance = this.#chance;
    if (!chance.happens(REPEATS) || tasks.length === 0) return Promise.resolve(false);
    const task = chance.pick(tasks);
    if (chance.happens(0.5)) return command(this.#parts, run, 'rerun', task);
    // A restart from one item would be one more case; the mapped task is the usual one.
    return command(this.#parts, run, 'restart', null, { from: [taskNameOf(task)] });
  }
}
