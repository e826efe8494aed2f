/**
 * What the simulator itself knows of the journal: each commit folded once, event by event, beside
 * the engine and independent of it, with who owned the run and whose lease was good. The laws are
 * judged against this, never against what an engine believes.
 */
import { eventOf } from '../../engine/runs/rows.ts';
import { indexOf, nodeAt } from '../../kernel/run/nodes.ts';
import { effectsOf } from '../../kernel/run/plan.ts';
import { begin, evolve } from '../../kernel/run/evolve.ts';
import type { RunState } from '../../kernel/run/state.ts';
import type { EventRow } from '../../journal/append.ts';
import type { NodeLease } from '../../journal/ownership.ts';
import type { Definition } from '../../model/definition.ts';
import type { RunEvent } from '../../model/run.ts';
import { prepared, type PreparedVersion } from '../../kernel/run/version.ts';

export interface Folded {
  readonly id: string;
  /** How many runs there were before: for traces. */
  readonly number: number;
  readonly state: RunState;
  /** `task:attempt` that the durable state has ever asked for. */
  readonly planned: Set<string>;
  /** `task:attempt` with a durable start. */
  readonly started: Set<string>;
  /** Whoever is named as the author of an event. */
  readonly actors: Set<string>;
  /** What its parent answered when it went on after its end. */
  takenOver?: boolean;
  /** Its events of the last batch. */
  latest: RunEvent[];
  owner: number | null;
}

interface Lease {
  epoch: number;
  until: number;
  /** Fenced or resigned: its runs may be claimed. */
  gone: boolean;
}

export class ReferenceModel {
  readonly runs = new Map<string, Folded>();
  /** Those that have not ended. */
  readonly open = new Set<Folded>();
  readonly leases = new Map<number, Lease>();
  /** How many slots each pool has by now. */
  capacities: () => ReadonlyMap<string, number> = () => new Map();
  readonly #versions = new Map<string, PreparedVersion>();

  deployed(workflow: string, version: number, definition: Definition): void {
    this.#versions.set(`${workflow}@${version}`, prepared(definition));
  }

  readonly versions = (workflow: string, version: number): PreparedVersion => {
    const found = this.#versions.get(`${workflow}@${version}`);
    if (found === undefined) throw new Error(`${workflow}@${version} was never deployed`);
    return found;
  };

  registered(lease: NodeLease, until: number): void {
    this.leases.set(lease.node, { epoch: lease.epoch, until, gone: false });
  }

  renewed({ node, epoch }: NodeLease, until: number): void {
    const lease = this.leases.get(node);
    if (lease?.epoch === epoch) lease.until = until;
  }

  resigned({ node, epoch }: NodeLease): void {
    const lease = this.leases.get(node);
    if (lease?.epoch === epoch) lease.gone = true;
  }

  /** Leases that have ended are taken away by the others. */
  fencedExpired(by: NodeLease, now: number): void {
    for (const [node, lease] of this.leases) {
      if (node !== by.node && lease.until < now) lease.gone = true;
    }
  }

  isGood({ node, epoch }: NodeLease): boolean {
    const lease = this.leases.get(node);
    return lease?.epoch === epoch && !lease.gone;
  }

  /** Whether this attempt is the one that is going on. */
  isAlive(run: string, task: string, attempt: number): boolean {
    const state = this.runs.get(run)?.state;
    const index = state === undefined ? undefined : indexOf(state, task);
    if (state === undefined || state.end !== undefined || index === undefined) return false;
    const { status } = nodeAt(state, index);
    const isOn = ['queued', 'running', 'unknown'].includes(status.name);
    return isOn && 'attempt' in status && status.attempt === attempt;
  }

  /** A number for people: `r7` instead of a UUID. */
  nameOf(run: string): string {
    const folded = this.runs.get(run);
    return folded === undefined ? `r?${run.slice(-4)}` : `r${folded.number}`;
  }

  /** Takes an event in; the run as it was before is what `look` sees. */
  fold(row: EventRow, owner: number | null, look: (folded: Folded, event: RunEvent) => void): void {
    const event = eventOf(row);
    const known = this.runs.get(row.run);
    if (known === undefined) {
      if (event.type !== 'RunStarted') throw new Error(`run ${row.run} begins with ${row.type}`);
      this.#begin(row.run, begin(row.run, event, this.versions), owner);
      return;
    }
    look(known, event);
    known.latest.push(event);
    evolve(known.state, event, this.versions);
    known.state.worklist = [];
    if (event.type === 'ParentTold') known.takenOver = event.takesOver;
    if (event.type === 'TaskStarted') known.started.add(`${event.task}:${event.attempt}`);
    const actor = actorOf(event);
    if (actor !== undefined) known.actors.add(actor);
    this.#plan(known);
    if (known.state.end === undefined) this.open.add(known);
    else this.open.delete(known);
  }

  #begin(id: string, state: RunState, owner: number | null): void {
    state.worklist = [];
    const sets = {
      planned: new Set<string>(),
      started: new Set<string>(),
      actors: new Set<string>(),
    };
    const folded: Folded = { id, number: this.runs.size + 1, state, ...sets, latest: [], owner };
    this.runs.set(id, folded);
    this.open.add(folded);
    this.#plan(folded);
  }

  #plan(folded: Folded): void {
    const { state, planned } = folded;
    for (const index of state.touched) {
      for (const effect of effectsOf(state, index)) {
        if (effect.kind !== 'timer') planned.add(`${effect.task}:${effect.attempt}`);
      }
    }
    state.touched = [];
  }
}

/** The author of what a person asked for; a decision names its author in the output. */
function actorOf(event: RunEvent): string | undefined {
  if ('by' in event) return event.by.actor;
  if ('forced' in event && event.forced !== undefined) return event.forced.actor;
  const output = event.type === 'TaskEnded' ? event.output : undefined;
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return undefined;
  return 'decision' in output && typeof output['by'] === 'string' ? output['by'] : undefined;
}
