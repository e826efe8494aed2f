/**
 * The whole simulated world of one seed: one journal, the systems outside, and the machines with
 * their engines, wired together over one schedule. The engine in it is the real one.
 */
import { Alarms } from '../../engine/alarms.ts';
import { createEngine } from '../../engine/engine.ts';
import type { EngineOptions } from '../../engine/options.ts';
import type { Batch } from '../../journal/append.ts';
import type { SlotKey, SlotWant } from '../../journal/slots.ts';
import type { VersionRow } from '../../journal/versions.ts';
import { Chance } from '../chaos/chance.ts';
import { ReferenceModel } from './reference-model.ts';
import { connectorOf } from './connector.ts';
import { Faults } from './faults.ts';
import { MemoryJournal } from '../../journal/memory/journal.ts';
import { Laws } from './laws.ts';
import { clockOf, type Life, Machine } from './machine.ts';
import { TuttiError } from '../../model/errors.ts';
import { Network } from './network.ts';
import { HONEST } from './clients.ts';
import { ExternalSystems } from './external-systems.ts';
import { Schedule, whenDone } from './schedule.ts';
import { Trace } from './trace.ts';
import { leaseOf, wired } from './wire.ts';

export const LEASE_MS = 5_000;
export const START = Date.UTC(2026, 0, 1);
const DRAIN_MS = 3_000;

export type CreateEngine = typeof createEngine;

export class World {
  readonly schedule: Schedule;
  readonly faults: Faults;
  readonly external: ExternalSystems;
  readonly journal: MemoryJournal;
  readonly model = new ReferenceModel();
  readonly laws: Laws;
  readonly trace = new Trace();
  readonly machines: readonly Machine[];
  readonly chance: Chance;
  slowUntil = 0;
  /** Is told of each run that a batch has brought on. */
  onWritten: (run: string) => void = () => {};
  readonly #network: Network;
  readonly #create: CreateEngine;
  readonly #alarms: typeof Alarms;
  readonly mostRuns: number;
  readonly #concurrency: number;
  /** No run here is large: in every other world each is settled as a large one is, in portions. */
  readonly #settledAtOnce: number;
  readonly #appending = new Map<string, number>();
  #ids = 0;

  constructor(
    seed: number,
    nodes: number | undefined,
    create: CreateEngine = createEngine,
    alarms: typeof Alarms = Alarms,
  ) {
    const chance = new Chance(seed);
    this.chance = chance;
    this.schedule = new Schedule(START, chance.fork());
    this.faults = new Faults(chance.fork());
    this.external = new ExternalSystems(this.schedule, chance.fork(), this.faults);
    this.journal = new MemoryJournal(() => Math.floor(this.schedule.now));
    this.laws = new Laws(this.model, {
      isGoing: (key) => this.external.isGoing(key),
      executed: (key) => this.external.executed(key),
      statusOf: (run) => {
        const row = this.journal.rows.get(run);
        return row?.update?.status ?? row?.start.status;
      },
      holdsSlots: (key) => this.#slotKeys().has(key),
    });
    this.external.laws = this.laws;
    this.external.nodeOf = ({ machine }) => this.journal.nodeNamed(machine.name);
    this.#network = new Network({
      schedule: this.schedule,
      chance: chance.fork(),
      faults: this.faults,
      machines: () => this.machines,
      done: (command) => this.laws.acknowledged(command, this.schedule.now),
    });
    this.#create = create;
    this.#alarms = alarms;
    this.mostRuns = chance.pick([3, 8, 100]);
    this.#settledAtOnce = seed % 2 === 1 ? 1 : 200;
    this.#concurrency = chance.pick([2, 8, 50]);
    const count = nodes ?? chance.pick([1, 2, 2, 3, 4]);
    this.machines = Array.from({ length: count }, (_, at) => new Machine(`n${at + 1}`));
  }

  /** A node whose memory is full begins nothing: whoever is in it waits for a person, too. */
  isFull(owner: number | null): boolean {
    // Nobody's: it waits until one of them has room.
    if (owner === null) return this.doors.every((life) => this.#isFull(life));
    const life = this.doors.find(({ machine }) => this.journal.nodeNamed(machine.name) === owner);
    return life !== undefined && this.#isFull(life);
  }

  #isFull(life: Life): boolean {
    return (life.engine?.gauges().runs ?? 0) >= this.mostRuns;
  }

  get doors(): readonly Life[] {
    return this.machines.flatMap(({ life }) =>
      life !== undefined && life.alive && life.open && !life.stopping ? [life] : [],
    );
  }

  /** A new process on a machine. */
  start(machine: Machine): void {
    const life = machine.bear();
    this.trace.note(`  ${life.name} starts`);
    const chance = this.chance.fork();
    const engine = this.#create(this.#options(life, chance));
    life.engine = engine;
    void whenDone(engine.fenced, () => {
      if (!life.alive) return;
      this.faults.seen('fenced node');
      this.end(life, 'is fenced');
    });
    void whenDone(
      engine.start(machine.url),
      () => {
        life.open = true;
        this.trace.note(`  ${life.name} is open`);
      },
      (error: unknown) => this.end(life, `could not start: ${String(error)}`),
    );
  }

  /** The process is gone; a service manager starts it again after a while. */
  end(life: Life, why: string): void {
    if (!life.alive) return;
    this.trace.note(`  ${life.name} ${why}`);
    life.end();
    const ms = this.chance.happens(0.5) ? 500 : 12_000 * this.chance.next();
    this.schedule.after(ms, null, `${life.machine.name} is started again`, () =>
      this.start(life.machine),
    );
  }

  /** Drained, and then gone. */
  stop(life: Life): void {
    if (!life.open || life.stopping) return;
    life.stopping = true;
    this.trace.note(`  ${life.name} stops`);
    void whenDone(life.engine?.stop(), () => this.end(life, 'has stopped'));
  }

  #options(life: Life, chance: Chance): EngineOptions {
    const { schedule, faults, external: outside, journal } = this;
    return {
      journal: wired({
        life,
        journal,
        schedule,
        chance: this.chance.fork(),
        faults,
        slowUntil: () => this.slowUntil,
        carriedOut: (name, args, result) => this.#carriedOut(life, name, args, result),
        appending: (batch, leaves) => this.#append(life, batch, leaves),
      }),
      connectors: [connectorOf(outside, life, this.#concurrency)],
      systems: { get: () => undefined, names: () => [] },
      nodeName: life.machine.name,
      clock: clockOf(life, { schedule, faults, laws: this.laws, alarms: this.#alarms }),
      chance,
      ids: { run: () => this.#newId() },
      stateDirectory: `/${life.machine.name}`,
      log: {
        info: () => {},
        warn: (fields, message) => {
          const { err } = fields as { err?: Error };
          const ending = err instanceof TuttiError && HONEST.has(err.code);
          if (message !== 'An attempt failed with an unexpected error.' || ending) return;
          this.laws.judge(
            'one-door',
            false,
            () => `An attempt failed with an unexpected error.: ${err?.stack ?? String(err)}`,
          );
        },
      },
      peers: (url) => this.#network.peerOf(life, url),
      leaseMs: LEASE_MS,
      mostRuns: this.mostRuns,
      settledAtOnce: this.#settledAtOnce,
      drainMs: DRAIN_MS,
    };
  }

  #newId(): string {
    this.#ids += 1;
    return `00000000-0000-7000-8000-${String(this.#ids).padStart(12, '0')}`;
  }

  /** Law 5: of a node's appends that are under way, one has events of a run. */
  #append(life: Life, batch: Batch, leaves: boolean): void {
    const runs = new Set([
      ...batch.starts.map(({ id }) => id),
      ...batch.events.map(({ run }) => run),
      ...batch.updates.map(({ run }) => run),
    ]);
    for (const run of runs) {
      const key = `${life.name} ${run}`;
      if (!leaves) {
        this.#appending.delete(key);
        continue;
      }
      this.laws.judge(
        'group-commit',
        !this.#appending.has(key),
        () => `${this.model.nameOf(run)} is in two appends of ${life.name} at a time`,
      );
      this.#appending.set(key, 1);
    }
  }

  #carriedOut(life: Life, name: string, args: readonly unknown[], result: unknown): void {
    const { model, laws, schedule } = this;
    const lease = leaseOf(args);
    if (result instanceof Error && !isPromised(name, result)) {
      laws.judge('one-writer', false, () => `the journal could not ${name}: ${result.message}`);
    }
    switch (name) {
      case 'register':
        model.registered(result as typeof lease, schedule.now + LEASE_MS);
        break;
      case 'renew':
        if ((result as { kept: boolean }).kept) model.renewed(lease, schedule.now + LEASE_MS);
        break;
      case 'resign':
        model.resigned(lease);
        break;
      case 'fenceExpired':
        if ((result as number) > 0) model.fencedExpired(lease, schedule.now);
        break;
      case 'append':
        this.#appended(life, args[1] as Batch, lease, result as { kind: string });
        break;
      case 'slots.acquire':
        laws.slots(takenOf(args[1], result), this.#slotsUsed(), this.journal.capacities);
        break;
      case 'slots.release':
        for (const { run } of args[1] as readonly SlotKey[]) laws.givenBack(run);
        break;
      case 'slots.releaseOthers':
        laws.givenBack(args[1] as string);
        break;
      case 'deploy': {
        const row = args[0] as VersionRow;
        const stored = result as { version: number } | null;
        if (stored !== null) model.deployed(row.workflow, stored.version, row.definition);
      }
    }
    if (name === 'load' || name === 'claimRun') {
      this.trace.note(`  ${name} ${model.nameOf(String(args.at(-1)))}`);
    }
    if (name.startsWith('slots.')) {
      const words = JSON.stringify(args.slice(1)).replace(/0{8}-0000-7000-8000-0*/g, '');
      this.trace.note(`  ${words}`);
    }
    if (name === 'activeRuns' || name === 'dueRuns' || name === 'claim') {
      this.trace.note(`  ${JSON.stringify(result).replace(/0{8}-0000-7000-8000-0*/g, '')}`);
    }
    if (name.startsWith('claim')) {
      for (const [run, row] of this.journal.rows) laws.owned(run, row.owner);
    }
  }

  #slotKeys(): Set<string> {
    const held = [...this.journal.slotsHeld.values()];
    return new Set(held.map(({ run, task, attempt }) => `${run}:${task}:${attempt}`));
  }

  /** What attempts that are not over hold. */
  #slotsUsed(): Map<string, number> {
    const used = new Map<string, number>();
    for (const { run, task, attempt, slots } of this.journal.slotsHeld.values()) {
      if (!this.model.isAlive(run, task, attempt)) continue;
      for (const [pool, count] of Object.entries(slots))
        used.set(pool, (used.get(pool) ?? 0) + count);
    }
    return used;
  }

  #appended(
    life: Life,
    batch: Batch,
    lease: ReturnType<typeof leaseOf>,
    { kind }: { kind: string },
  ): void {
    if (kind === 'key-exists') this.faults.seen('key exists');
    if (kind === 'committed') {
      if (!life.alive) this.faults.seen('doubtful append');
      this.laws.committed(lease, batch);
      for (const run of new Set(batch.events.map((event) => event.run))) this.onWritten(run);
    }
    const events = batch.events.map(({ run, type, task, attempt, end }) =>
      [this.model.nameOf(run), type, task, attempt, end].filter((part) => part !== null).join(' '),
    );
    this.trace.note(`  ${kind}: ${events.join(', ')}`);
  }
}

/** What the port says that it may answer with. */
function isPromised(name: string, error: Error): boolean {
  return name === 'claimRun' && error instanceof TuttiError && error.code === 'node.fenced';
}

/** The pools that something was granted of. */
function takenOf(wants: unknown, result: unknown): ReadonlySet<string> {
  const { granted } = result as { readonly granted: readonly boolean[] };
  const taken = (wants as readonly SlotWant[]).filter((_, index) => granted[index] === true);
  return new Set(taken.flatMap(({ slots }) => Object.keys(slots)));
}
