/**
 * Lanes: how many attempts one node runs at a time, of a connector, of child runs, or of an action
 * that only waits. Which lane the attempts of a task go to is found once per version.
 */
import type { Action } from '../../connectors/kit/connector.ts';
import type { Body, TaskDefinition } from '../../model/definition.ts';
import { bug } from '../../model/errors.ts';
import { Fifo } from '../fifo.ts';
import type { LaneReading } from '../observer.ts';
import type { Attempt, Limits } from '../runs/live-run.ts';

/** Children are runs, and run elsewhere in this node: their number is bounded by memory. */
const MOST_CHILDREN = 100_000;
/** Waits cost the node next to nothing; each has a place in memory. */
const MOST_WAITS = 10_000;
/** Of a lane that no connector has named. */
const OTHERS = 1_000;

export const CHILD_LANE = 'workflow';

export class Lane {
  readonly limit: number;
  readonly queue = new Fifo<Attempt>();
  /** Begun beyond the limit, because nothing ended. */
  beyond = 0;
  /** Attempts that have left. */
  ended = 0;
  watched = false;
  #active = 0;
  #overdue = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get active(): number {
    return this.#active;
  }

  /** Calls that were given up, and have not come back. */
  get overdue(): number {
    return this.#overdue;
  }

  get isFull(): boolean {
    return this.#active + Math.max(0, this.#overdue - this.limit) >= this.limit + this.beyond;
  }

  enter(): void {
    this.#active += 1;
  }

  leave(): void {
    this.#active -= 1;
    if (this.#active < 0) bug('more attempts have left a lane than were in it');
    this.ended += 1;
    if (this.beyond > 0) this.beyond -= 1;
  }

  giveUp(): void {
    this.#overdue += 1;
  }

  cameBack(): void {
    this.#overdue -= 1;
    if (this.#overdue < 0) bug('more calls have come back to a lane than were given up in it');
  }

  get overdueText(): string {
    if (this.#overdue === 0) return '';
    return `; ${this.#overdue} calls that were given up have not returned`;
  }
}

/** What a lane is made from: a connector with its actions. */
interface LaneSource {
  readonly name: string;
  readonly concurrency: number;
  readonly actions: readonly Pick<Action, 'name' | 'waits'>[];
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>([[CHILD_LANE, new Lane(MOST_CHILDREN)]]);
  readonly #limits = new WeakMap<TaskDefinition, Limits>();

  constructor(connectors: readonly LaneSource[]) {
    for (const { name, concurrency, actions } of connectors) {
      this.#lanes.set(name, new Lane(concurrency));
      for (const action of actions)
        if (action.waits === true) this.#lanes.set(action.name, new Lane(MOST_WAITS));
    }
  }

  get(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = new Lane(OTHERS);
    this.#lanes.set(name, lane);
    return lane;
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  readings(): LaneReading[] {
    return Array.from(this.#lanes, ([lane, { active, limit, overdue, queue }]) => {
      return { lane, active, limit, overdue, queued: queue.size };
    });
  }

  limitsOf(definition: TaskDefinition): Limits {
    const known = this.#limits.get(definition);
    if (known !== undefined) return known;
    const { body } = definition;
    // Versions of before could hold slots while they waited for a child that wants them, too.
    const pools = body.kind === 'workflow' ? undefined : definition.pools;
    const limits = { lane: this.#laneOf(body), pools };
    this.#limits.set(definition, limits);
    return limits;
  }

  /** The action itself if it only waits, else its connector; one lane for all child runs. */
  #laneOf(body: Body): string {
    if (body.kind === 'workflow') return CHILD_LANE;
    if (body.kind !== 'action') return body.kind;
    if (this.#lanes.has(body.action)) return body.action;
    return body.action.slice(0, body.action.indexOf('.'));
  }
}
