/**
 * Adds up what the engine tells: per workflow, per action, and of the engine itself. Called for
 * every task, so what a version's tasks are counted by is looked up once per version and kept.
 */
import type { Fact, Observer, WatchedRun } from '../../engine/observer.ts';
import type { Definition, TaskDefinition } from '../../model/definition.ts';
import type { RunEnded, RunEvent, TaskEnded, TaskRetrying } from '../../model/run.ts';
import { Bounded, type CountsByWord, count, Tally } from './tally.ts';

/** Seconds. Tasks take from a millisecond to days, so the bounds are far apart. */
const DURATIONS = [0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600, 14_400, 86_400];
const WAITS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600];
const COMMITS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];
const LATENESS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const MOST_WORKFLOWS = 1_000;
const MOST_NAMES = 1_000;

class WorkflowCounts {
  started = 0;
  readonly ended: CountsByWord = new Map();
  readonly duration = new Tally(DURATIONS);
}

class ActionCounts {
  readonly ended: CountsByWord = new Map();
  readonly duration = new Tally(DURATIONS);
  readonly queue = new Tally(WAITS);
}

class BatchCounts {
  readonly events = new Tally(SIZES);
  readonly runs = new Tally(SIZES);
  readonly commit = new Tally(COMMITS);
}

class FactCounts {
  /** Runs taken over. */
  claims = 0;
  /** Other nodes whose lease had ended. */
  fenced = 0;
  /** Runs that were set aside. */
  asides = 0;
}

class LeaseCounts {
  renewals = 0;
  /** Monotonic milliseconds. */
  renewedAt: number | undefined;
}

/** What a task is counted by. */
interface Meter {
  readonly action: ActionCounts;
  /** Errors by class, of this workflow and action. */
  readonly errors: CountsByWord;
}

interface Version {
  readonly workflow: WorkflowCounts;
  /** null: the task itself does nothing, as a switch or a task that is mapped over items. */
  readonly meters: ReadonlyMap<string, Meter | null>;
  /** Items of mapped tasks, `name[3]`, by `name`. */
  readonly items: ReadonlyMap<string, Meter>;
}

export interface CountsOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly mostWorkflows?: number;
}

export class EngineCounts implements Observer {
  readonly workflows: Bounded<WorkflowCounts>;
  readonly actions = new Bounded(MOST_NAMES, () => new ActionCounts());
  /** By workflow, then by action. */
  readonly errors: Bounded<Bounded<CountsByWord>>;
  readonly batches = new BatchCounts();
  readonly lateness = new Tally(LATENESS);
  readonly notifications: CountsByWord = new Map();
  /** By what was tried. */
  readonly troubles: CountsByWord = new Map();
  readonly facts = new FactCounts();
  readonly lease = new LeaseCounts();
  readonly #now: () => number;
  readonly #versions = new WeakMap<Definition, Version>();

  constructor(options: CountsOptions) {
    this.#now = options.now;
    const most = options.mostWorkflows ?? MOST_WORKFLOWS;
    this.workflows = new Bounded(most, () => new WorkflowCounts());
    this.errors = new Bounded(most, () => new Bounded<CountsByWord>(MOST_NAMES, () => new Map()));
  }

  decided(run: WatchedRun, events: readonly RunEvent[]): void {
    const version = this.#version(run);
    for (const event of events) {
      if (event.type === 'TaskEnded' || event.type === 'TaskRetrying') {
        attempted(meterOf(version, event.task), event);
      } else if (event.type === 'RunStarted') {
        version.workflow.started += 1;
      } else if (event.type === 'RunEnded') {
        ended(version.workflow, run, event);
      } else if (event.type === 'TaskMarkedUnknown') {
        const meter = meterOf(version, event.task);
        if (meter !== null) count(meter.errors, event.failure.class);
      }
    }
  }

  begun(run: WatchedRun, task: string, waitedMs: number): void {
    meterOf(this.#version(run), task)?.action.queue.add(Math.max(0, waitedMs) / 1_000);
  }

  sent(events: number, runs: number): () => void {
    const sentAt = this.#now();
    return () => {
      this.batches.events.add(events);
      this.batches.runs.add(runs);
      this.batches.commit.add((this.#now() - sentAt) / 1_000);
    };
  }

  leaseRenewed(): void {
    this.lease.renewals += 1;
    this.lease.renewedAt = this.#now();
  }

  /** Undefined before the first lease. */
  leaseAgeSeconds(): number | undefined {
    const { renewedAt } = this.lease;
    return renewedAt === undefined ? undefined : (this.#now() - renewedAt) / 1_000;
  }

  woken(lateMs: number): void {
    this.lateness.add(Math.max(0, lateMs) / 1_000);
  }

  notified(notification: string): void {
    count(this.notifications, notification);
  }

  noted(fact: Fact): void {
    if (fact.is === 'claimed') this.facts.claims += fact.runs;
    else if (fact.is === 'set-aside') this.facts.asides += 1;
    else if (fact.is === 'fenced') this.facts.fenced += fact.nodes;
  }

  troubled(what: string): void {
    count(this.troubles, what);
  }

  #version({ definition, workflow }: WatchedRun): Version {
    const known = this.#versions.get(definition);
    if (known !== undefined) return known;
    const meters = new Map<string, Meter | null>();
    const items = new Map<string, Meter>();
    for (const task of definition.tasks) {
      const meter = this.#meter(workflow, task);
      meters.set(task.name, task.each === undefined ? meter : null);
      if (task.each !== undefined && meter !== null) items.set(task.name, meter);
    }
    const version = { workflow: this.workflows.of(workflow), meters, items };
    this.#versions.set(definition, version);
    return version;
  }

  #meter(workflow: string, { body }: TaskDefinition): Meter | null {
    if (body.kind === 'switch') return null;
    const action = body.kind === 'action' ? body.action : body.kind;
    const errors = this.errors.of(workflow).of(action);
    return { action: this.actions.of(action), errors };
  }
}

/** A task that the version does not have (an old one's, after a restart with a new one) counts nowhere. */
function meterOf({ meters, items }: Version, task: string): Meter | null {
  const known = meters.get(task);
  if (known !== undefined) return known;
  return items.get(task.slice(0, task.lastIndexOf('['))) ?? null;
}

function ended(workflow: WorkflowCounts, run: WatchedRun, event: RunEnded): void {
  count(workflow.ended, event.end);
  workflow.duration.add((event.at - run.createdAt) / 1_000);
}

function attempted(meter: Meter | null, event: TaskEnded | TaskRetrying): void {
  if (meter === null) return;
  const { failure, startedAt } = event;
  count(meter.action.ended, endOf(event));
  if (startedAt !== undefined) meter.action.duration.add(Math.max(0, event.at - startedAt) / 1_000);
  if (failure !== undefined) count(meter.errors, failure.class);
}

/** How the attempt ended: one that is tried again, and a round of `until`, have words of their own. */
function endOf(event: TaskEnded | TaskRetrying): string {
  if (event.type === 'TaskEnded') return event.end;
  return event.failure === undefined ? 'repeated' : 'retried';
}
