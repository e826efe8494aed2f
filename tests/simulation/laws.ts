/**
 * The laws of the engine as invariants, each with its name, looked at after every step that could
 * break it: at each commit, at each effect that leaves the node, at each answer of the door.
 */
import { decide } from '../../kernel/run/decide.ts';
import { definitionOf, indexOf, isMapped, nodeAt, refOf } from '../../kernel/run/nodes.ts';
import { isRefusal } from '../../model/refusal.ts';
import { runStatusOf } from '../../kernel/run/view.ts';
import type { Batch } from '../../journal/append.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import type { OperatorCommand, RunEvent } from '../../model/run.ts';
import type { Folded, ReferenceModel } from './reference-model.ts';

export const LAWS = [
  'one-door',
  'one-writer',
  'journal-first',
  'never-twice',
  'terminal',
  'slots',
  'reason',
  'fold',
  'group-commit',
  'bounded-memory',
  'events-drive',
  'on-time',
  'family',
] as const;
export type Law = (typeof LAWS)[number];

export interface Breach {
  readonly law: Law;
  readonly message: string;
}

/** What the laws ask the outside world. */
export interface Witness {
  /** Whether something still works, or is on its way to, for this key. */
  isGoing(key: string): boolean;
  /** How often the effect of this key was executed. */
  executed(key: string): number;
  /** What the view of runs says. */
  statusOf(run: string): string | undefined;
  /** Whether the attempt of this key holds what it needs of its pools. */
  holdsSlots(key: string): boolean;
}

const AFTER_END = new Set(['RunRestarted', 'TaskRerun', 'TaskSteered', 'TaskReopened']);
const ONCE = new Set(['world.touch', 'world.shout', 'world.work']);

export class Laws {
  breach: Breach | undefined;
  /** Judgements made: a law that was never looked at was not kept. */
  readonly looks = new Map<Law, number>();
  /** Children that were intended below a run that was being cancelled, with who intended them. */
  readonly #notToBegin = new Map<string, string>();
  readonly #model: ReferenceModel;
  readonly #witness: Witness;

  constructor(model: ReferenceModel, witness: Witness) {
    this.#model = model;
    this.#witness = witness;
  }

  /** `message` only when it is broken. */
  judge(law: Law, kept: boolean, message: () => string): void {
    this.looks.set(law, (this.looks.get(law) ?? 0) + 1);
    if (!kept) this.breach ??= { law, message: message() };
  }

  /** A batch is in the journal. */
  committed(lease: NodeLease, batch: Batch): void {
    const model = this.#model;
    this.judge('one-writer', model.isGood(lease), () => {
      const { node, epoch } = lease;
      return `node ${node} wrote with epoch ${epoch}, which is not good any more`;
    });
    const owners = new Map(
      batch.starts.map((start) => [start.id, start.unowned === true ? null : lease.node]),
    );
    for (const { run } of batch.events) {
      const known = model.runs.get(run);
      if (known !== undefined) known.latest = [];
    }
    for (const row of batch.events) {
      const known = model.runs.get(row.run);
      const seq = known?.state.seq ?? 0;
      this.judge(
        'one-writer',
        row.seq === seq,
        () => `event ${row.seq} of ${row.run} after ${seq - 1}`,
      );
      if (known !== undefined && !owners.has(row.run)) {
        this.judge(
          'one-writer',
          known.owner === lease.node,
          () =>
            `node ${lease.node} wrote ${row.type} of ${model.nameOf(row.run)}, which node ${known.owner} owns`,
        );
      }
      if (row.type === 'RunStarted') this.#begun(row.run);
      if (this.breach !== undefined) return;
      model.fold(row, owners.get(row.run) ?? null, (folded, event) => this.#event(folded, event));
    }
    for (const { run } of batch.events) {
      const state = model.runs.get(run)?.state;
      const said = this.#witness.statusOf(run);
      if (state === undefined) continue;
      this.judge(
        'fold',
        said === runStatusOf(state),
        () => `the view of ${model.nameOf(run)} says ${said}, the fold ${runStatusOf(state)}`,
      );
    }
    for (const update of batch.updates) {
      const state = model.runs.get(update.run)?.state;
      if (state === undefined) continue;
      // Counts are written when the status changes, not for each task.
      const ended = state.end?.at ?? null;
      const same = update.status === runStatusOf(state) && update.endedAt === ended;
      this.judge(
        'fold',
        same,
        () =>
          `the view of ${model.nameOf(update.run)} says ${update.status}, the fold ${runStatusOf(state)}`,
      );
    }
  }

  #isCancelledAbove(folded: Folded): boolean {
    let run: Folded | undefined = folded;
    while (run !== undefined && run.state.end === undefined) {
      if (run.state.cancel !== undefined) return true;
      run = this.#model.runs.get(run.state.parent?.run ?? '');
    }
    return false;
  }

  /**
   * A child whose start was intended when a run above was being cancelled already is not begun while
   * that lasts. Who has ended cancels no more: what was restarted below it goes on.
   */
  #begun(run: string): void {
    const above = this.#model.runs.get(this.#notToBegin.get(run) ?? '');
    const kept = above === undefined || !this.#isCancelledAbove(above);
    this.judge(
      'family',
      kept,
      () => `a child ${run} was begun below a run that is being cancelled`,
    );
  }

  /** At rest: the last word of a child is what its parent's task says, unless the parent's word stands. */
  families(): void {
    for (const { id, state, takenOver } of this.#model.runs.values()) {
      const parent = this.#model.runs.get(state.parent?.run ?? '');
      if (state.parent === undefined || parent === undefined || takenOver === false) continue;
      if (parent.state.cancel !== undefined) continue;
      const index = indexOf(parent.state, state.parent.task);
      const status = index === undefined ? undefined : nodeAt(parent.state, index).status;
      if (status?.name !== 'ended' || status.attempt !== state.parent.attempt) continue;
      if (status.forced !== undefined) continue;
      const failed = status.failure?.code === 'child.failed';
      const same = state.end !== undefined && failed === (state.end.end !== 'succeeded');
      const isItsWord = failed || status.end === 'succeeded';
      this.judge('family', !isItsWord || same, () => {
        const task = `${this.#model.nameOf(parent.id)}:${state.parent?.task}`;
        return `${task} ended ${status.end}, and its child ${this.#model.nameOf(id)} is ${state.end?.end ?? 'open'}`;
      });
    }
  }

  /** Owners as the journal has them now: they change from nobody, or from a node that is gone. */
  owned(run: string, owner: number | null): void {
    const folded = this.#model.runs.get(run);
    if (folded === undefined || folded.owner === owner) return;
    const before = folded.owner;
    const free = before === null || (this.#model.leases.get(before)?.gone ?? true);
    this.judge(
      'one-writer',
      free,
      () => `${this.#model.nameOf(run)} went from node ${before}, which lives, to ${owner}`,
    );
    folded.owner = owner;
  }

  #event(folded: Folded, event: RunEvent): void {
    const { state } = folded;
    const who = () => `${this.#model.nameOf(folded.id)}: ${JSON.stringify(event)}`;
    const forced = 'forced' in event && event.forced !== undefined;
    const byPerson = AFTER_END.has(event.type) || forced;
    this.judge(
      'terminal',
      state.end === undefined || byPerson,
      () => `after the run's end, ${who()}`,
    );
    if (!('task' in event)) return;
    const index = indexOf(state, event.task);
    if (index === undefined) return;
    const { name } = nodeAt(state, index).status;
    this.judge('terminal', name !== 'ended' || byPerson, () => `after the task's end, ${who()}`);
    if (event.type === 'TaskStarted' && event.child !== undefined) {
      if (this.#isCancelledAbove(folded)) this.#notToBegin.set(event.child, folded.id);
    }
    if (event.type === 'TaskStarted') {
      const fresh =
        event.again !== undefined || !folded.started.has(`${event.task}:${event.attempt}`);
      this.judge('never-twice', fresh, () => `the key is used again, ${who()}`);
      this.#holdsSlots(folded, index, event.attempt);
    }
    if (event.type === 'TaskEnded' && !forced) this.#ended(folded, index, event);
  }

  /** What a task is said to have done is what the system did. */
  #ended(folded: Folded, index: number, event: Extract<RunEvent, { type: 'TaskEnded' }>): void {
    const { state } = folded;
    const node = nodeAt(state, index);
    const definition = definitionOf(state, node);
    const { body } = definition;
    if (isMapped(definition, node)) return;
    if (body.kind !== 'action' || !ONCE.has(body.action)) return;
    const key = `${folded.id}:${event.task}:${event.attempt}`;
    const name = `${this.#model.nameOf(folded.id)}:${event.task}:${event.attempt}`;
    if (event.end === 'succeeded' || event.end === 'warned') {
      const count = this.#witness.executed(key);
      this.judge(
        'never-twice',
        count === 1,
        () => `${name} ended ${event.end}, and was executed ${count} times`,
      );
    }
    if (event.end === 'cancelled' || event.end === 'timed-out') {
      this.judge(
        'terminal',
        !this.#witness.isGoing(key),
        () => `${name} ended ${event.end}, and the system still works on it`,
      );
    }
  }

  /** Law 9: an attempt that needs slots is on its way only while it holds them. */
  #holdsSlots(folded: Folded, index: number, attempt: number): void {
    const { state } = folded;
    const node = nodeAt(state, index);
    const definition = definitionOf(state, node);
    if (definition.pools === undefined || isMapped(definition, node)) return;
    const key = `${folded.id}:${refOf(state, index)}:${attempt}`;
    this.judge(
      'slots',
      this.#witness.holdsSlots(key),
      () => `${this.#nameOf(folded, index, attempt)} has begun, and holds no slot`,
    );
  }

  /** Something of a run was given back: never the slots of an attempt of it that goes on. */
  givenBack(run: string): void {
    const folded = this.#model.runs.get(run);
    folded?.state.nodes.forEach(({ status }, index) => {
      if (status.name === 'running' || status.name === 'unknown')
        this.#holdsSlots(folded, index, status.attempt);
    });
  }

  #nameOf({ id, state }: Folded, index: number, attempt: number): string {
    return `${this.#model.nameOf(id)}:${refOf(state, index)}:${attempt}`;
  }

  /** What is held of each pool, after something of it was granted: it may have fewer slots than before. */
  slots(
    granted: ReadonlySet<string>,
    used: ReadonlyMap<string, number>,
    capacity: ReadonlyMap<string, number>,
  ): void {
    for (const pool of granted) {
      const count = used.get(pool) ?? 0;
      const most = capacity.get(pool) ?? 0;
      this.judge(
        'slots',
        count <= most,
        () => `${count} slots of ${most} of pool ${pool} are held`,
      );
    }
  }

  /** An effect leaves the node. `once`: it may not happen twice, so its start must be durable. */
  leaves(
    about: { run: string; task: string; attempt: number },
    once: boolean,
    node: number | undefined,
  ): void {
    const folded = this.#model.runs.get(about.run);
    const key = `${about.task}:${about.attempt}`;
    const name = () => `${this.#model.nameOf(about.run)}:${key}`;
    const planned = folded?.planned.has(key) === true;
    this.judge(
      'journal-first',
      planned,
      () => `${name()} left, and the journal never asked for it`,
    );
    const index = folded === undefined ? undefined : indexOf(folded.state, about.task);
    // A node that stood still may do once more what may be done twice.
    if (folded !== undefined && index !== undefined && !once && folded.owner === node) {
      const { status } = nodeAt(folded.state, index);
      const current = status.name === 'queued' && status.attempt === about.attempt;
      if (current) this.#holdsSlots(folded, index, about.attempt);
    }
    if (!once) return;
    const started = folded?.started.has(key) === true;
    this.judge('journal-first', started, () => `${name()} left before its start was durable`);
  }

  /** What a job left behind is forgotten. */
  released(about: { run: string; task: string; attempt: number }): void {
    const state = this.#model.runs.get(about.run)?.state;
    const index = state === undefined ? undefined : indexOf(state, about.task);
    if (state === undefined || index === undefined) return;
    const { status } = nodeAt(state, index);
    const going =
      (status.name === 'running' || status.name === 'unknown') && status.attempt === about.attempt;
    this.judge(
      'journal-first',
      !going,
      () =>
        `${this.#model.nameOf(about.run)}:${about.task}:${about.attempt} was released before its outcome was durable`,
    );
  }

  startAcknowledged(run: string): void {
    const there = this.#model.runs.has(run);
    this.judge(
      'journal-first',
      there,
      () => `the start of ${run} was acknowledged, and is not in the journal`,
    );
  }

  /** Said by the owner's door in the step in which it became durable. */
  acknowledged(command: OperatorCommand, now: number): void {
    const folded = this.#model.runs.get(command.run);
    const kept =
      folded !== undefined &&
      (folded.actors.has(command.by.actor) || this.#isIdle(folded, command, now));
    this.judge(
      'journal-first',
      kept,
      () =>
        `${command.type} of ${this.#model.nameOf(command.run)} was acknowledged, and is not in the journal`,
    );
  }

  /** A hold of what is held: there is nothing to record. */
  #isIdle({ state, latest }: Folded, command: OperatorCommand, now: number): boolean {
    // It was, when the command came; the batch that carried it changed it again.
    if (latest.some(({ type }) => /Held|Released/.test(type)) && /Hold|Release/.test(command.type))
      return true;
    const context = { now, chance: () => 0, versions: this.#model.versions };
    const events = decide(state, command, context);
    return isRefusal(events) || events.length === 0;
  }
}
