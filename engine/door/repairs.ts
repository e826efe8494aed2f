/**
 * Repair of a run that is set aside. The journal is append-only, and its content is not guessed at:
 * a run whose history can be read continues; one whose cannot ends as failed, by an event of its own.
 */
import type { Journal } from '../../journal/journal.ts';
import { refusal } from '../../model/refusal.ts';
import { TuttiError } from '../../model/errors.ts';
import type { By, Refusal, Repair, RunEnded } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Repairs } from '../door.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { NodeIdentity } from '../node-identity.ts';
import { foldOf, Unfoldable } from '../runs/fold.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { RunListener } from '../runs/run-listener.ts';
import { rowOf } from '../runs/rows.ts';
import type { Versions } from '../runs/versions.ts';
import type { StoredRun } from '../../journal/runs.ts';
import { unknownRun } from './unknown.ts';

interface RepairParts {
  readonly journal: Journal;
  readonly versions: Versions;
  readonly gate: RunGate;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  /** Hears of a run that a repair has ended, as of any other. */
  readonly listener: Pick<RunListener, 'ended' | 'durable'>;
}

export class RepairHandler implements Repairs {
  readonly #parts: RepairParts;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  async repair(run: string, by: By, preview: boolean): Promise<Repair | Refusal> {
    const { journal, gate, lifecycle } = this.#parts;
    lifecycle.accept('command');
    const stored = await journal.load(run);
    if (stored === null) return unknownRun(run);
    const { aside: reason, endedAt } = stored.summary;
    const isNot = () => refusal('run.not-aside', `run ${run} is not set aside`);
    if (reason === undefined) return isNot();
    const trouble = await troubleOf(stored, this.#parts);
    if (trouble === undefined) {
      if (!preview && !(await gate.returnToService(run))) return isNot();
      const message = 'its history can be read: the run continues where it was';
      return { run, reason, outcome: 'resumed', message };
    }
    if (endedAt !== undefined)
      return refusal('run.unreadable', `run ${run} has ended, and ${trouble}`);
    if (!preview) await end(this.#parts, stored, trouble, by);
    const message = `${trouble}: it ends as failed. Its events are not changed. Tutti does not stop what its tasks have started in other systems: check there`;
    return { run, reason, outcome: 'ended', message };
  }
}

/** Why the run still cannot be read; undefined when it can. */
async function troubleOf(
  stored: StoredRun,
  { versions, clock }: RepairParts,
): Promise<string | undefined> {
  try {
    await foldOf(stored, versions, clock);
    return undefined;
  } catch (error) {
    if (error instanceof Unfoldable) return error.message;
    throw error;
  }
}

async function end(
  { journal, identity, clock, listener }: RepairParts,
  { summary, events }: StoredRun,
  trouble: string,
  by: By,
): Promise<void> {
  const { id, version, tasks, workflow, createdAt, parent } = summary;
  const because = by.reason === undefined ? '' : ` (${by.reason})`;
  const failure = {
    class: 'failed',
    code: 'run.unreadable',
    message: `${trouble}; ended by ${by.actor}${because}`,
  } as const;
  const now = clock.now();
  const event: RunEnded = { type: 'RunEnded', at: now, end: 'failed', failure };
  const seq = (events.at(-1)?.seq ?? -1) + 1;
  const update = { run: id, status: 'failed', version, wakeAt: null, endedAt: now } as const;
  const result = await journal.append(identity.lease, {
    starts: [],
    events: [rowOf(id, seq, event)],
    updates: [{ ...update, ...tasks }],
  });
  if (result.kind === 'refused') throw result.error;
  if (result.kind !== 'committed') throw new TuttiError('node.fenced');
  journal.notify('feed');
  const ended = { end: 'failed', at: now } as const;
  listener.ended({ id, workflow, createdAt, end: ended, ...(parent && { parent }) });
  listener.durable(id, seq + 1);
}
