/**
 * One seed, from its first step to its last.
 *
 *   storm   clients come, everything may go wrong
 *   calm    nothing goes wrong any more, nobody comes: everything must come to rest by itself
 *   end     clients cancel what is open and say what nobody can look up: every run must end
 *   close   every node stops
 */
import type { CreateEngine } from './world.ts';
import type { Alarms } from '../../engine/alarms.ts';
import { Chance } from '../chaos/chance.ts';
import { viewOf } from '../../kernel/run/view.ts';
import { NO_OVERLAY } from '../../kernel/run/gates.ts';
import { nodeAt, refOf } from '../../kernel/run/nodes.ts';
import { isDeepStrictEqual } from 'node:util';
import type { RunView } from '../../model/run.ts';
import type { Folded } from './reference-model.ts';
import type { Counts } from './faults.ts';
import type { Breach, Law } from './laws.ts';
import { Clients } from './clients.ts';
import { isQuiescent, whyNot } from './quiescence.ts';
import { settled, whenDone } from './schedule.ts';
import { type Difference, differenceOf, type Trace } from './trace.ts';
import { licence, workflows } from './workload.ts';
import type { Life } from './machine.ts';
import { LEASE_MS, START, World } from './world.ts';

export interface Plan {
  readonly seed: number;
  /** Drawn by the seed when absent. */
  readonly nodes?: number;
  /** Steps of the storm. */
  readonly steps?: number;
  readonly create?: CreateEngine;
  readonly alarms?: typeof Alarms;
}

export interface Report {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  readonly runs: number;
  readonly events: number;
  readonly faults: Counts;
  readonly looks: ReadonlyMap<Law, number>;
  readonly trace: Trace;
  readonly breach: Breach | undefined;
}

const STEPS = 2_500;
/** How long the world may take to come to rest, in its own time. */
const CALM_MS = 20 * 60_000;
/** An attempt that nobody wants any more ends in this time: the longest pause between two looks. */
const CLOSE_MS = 40_000;
const LOOK_EVERY = 40;
/** Promises that are rejected with nobody to hear are noticed in a turn of the event loop. */
const TURN_EVERY = 1_000;

export async function simulate(plan: Plan): Promise<Report> {
  return new Simulation(plan).run();
}

/** Twice, and both times the same. */
export async function simulateTwice(
  plan: Plan,
): Promise<{ report: Report; difference: Difference | undefined }> {
  const report = await simulate(plan);
  const again = await simulate(plan);
  return { report, difference: differenceOf(report.trace, again.trace) };
}

class Simulation {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #chance: Chance;
  #steps = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#world = new World(plan.seed, plan.nodes, plan.create, plan.alarms);
    this.#chance = this.#world.chance.fork();
  }

  async run(): Promise<Report> {
    const world = this.#world;
    const unheard = (error: unknown) => {
      const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.laws.judge(
        'one-door',
        false,
        () => `a promise was rejected, and nobody heard: ${words}`,
      );
    };
    process.on('unhandledRejection', unheard);
    try {
      await this.#play();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unheard);
    for (const { life } of world.machines) life?.end();
    return {
      seed: this.#plan.seed,
      nodes: world.machines.length,
      steps: this.#steps,
      runs: world.model.runs.size,
      events: [...world.model.runs.values()].reduce((sum, { state }) => sum + state.seq, 0),
      faults: world.faults.counts,
      looks: world.laws.looks,
      trace: world.trace,
      breach: world.laws.breach,
    };
  }

  async #play(): Promise<void> {
    const world = this.#world;
    for (const machine of world.machines) world.start(machine);
    await this.#until('the first node opens', () => world.doors.length > 0);
    const clients = await this.#prepare();
    clients.begin();
    world.onWritten = (run) => clients.written(run);
    world.faults.begin();
    const steps = this.#plan.steps ?? STEPS;
    for (let i = 0; i < steps; i++) {
      await this.#step();
      this.#strike();
    }
    clients.rest();
    await this.#calm();
    await this.#end(clients);
    await this.#close();
  }

  async #prepare(): Promise<Clients> {
    const { chance, schedule, faults, model, laws, trace } = this.#world;
    const files = workflows(chance.fork());
    model.capacities = () => this.#world.journal.capacities;
    await this.#deploy([licence(1)]);
    await this.#deploy(files.map(({ source }) => source));
    return new Clients({
      chance: chance.fork(),
      schedule,
      faults,
      model,
      laws,
      trace,
      doors: () => this.#world.doors,
      nodeOf: ({ machine }) => this.#world.journal.nodeNamed(machine.name),
      workflows: files.map(({ name }) => name),
      mostRuns: 30,
    });
  }

  async #deploy(sources: readonly string[]): Promise<void> {
    let left = sources.length;
    for (const source of sources) {
      const by = { actor: 'author' };
      const deployed = this.#world.doors[0]?.engine?.door.deployments.deploy({ source, by });
      void whenDone(deployed, (answer) => {
        if (answer.refused) throw new Error(JSON.stringify([answer.problems, source]));
        left -= 1;
      });
    }
    await this.#until('the files are deployed', () => left === 0);
  }

  /** One thing is delivered, and whoever it moves moves as far as it can. */
  async #step(): Promise<void> {
    const { schedule, trace, laws } = this.#world;
    const delivery = schedule.next();
    if (delivery === undefined) {
      laws.judge('events-drive', false, () => 'nothing will ever happen again');
      throw new Broken();
    }
    this.#steps += 1;
    trace.note(`${this.#steps} ${((schedule.now - START) / 1_000).toFixed(6)} ${delivery.what}`);
    delivery.deliver();
    await settled();
    if (this.#steps % TURN_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    if (laws.breach !== undefined) throw new Broken();
  }

  async #until(what: string, holds: () => boolean, why: () => string = () => ''): Promise<void> {
    const { schedule, laws } = this.#world;
    const limit = schedule.now + CALM_MS;
    for (let i = 0; ; i++) {
      laws.judge('events-drive', true, why);
      if ((i % LOOK_EVERY === 0 || schedule.isEmpty) && holds()) return;
      if (schedule.now > limit && !holds()) {
        await this.#sayGates();
        const pool = why().includes('pool "');
        laws.judge(pool ? 'slots' : 'events-drive', false, () => `never: ${what}; ${why()}`);
      }
      await this.#step();
    }
  }

  /** Faults that strike nodes, between two steps. */
  #strike(): void {
    const world = this.#world;
    const { faults, schedule } = world;
    const lives = world.machines.flatMap(({ life }) => (life?.alive === true ? [life] : []));
    if (lives.length === 0) return;
    const chance = this.#chance;
    const life = chance.pick(lives);
    if (faults.strikes('crash')) world.end(life, 'crashes');
    else if (faults.strikes('restart')) world.stop(life);
    else if (faults.strikes('hang')) {
      const ms = LEASE_MS * (0.2 + 2.5 * chance.next());
      life.hangsUntil = schedule.now + ms;
      life.hungUntil = Math.max(life.hungUntil, life.hangsUntil);
      world.trace.note(`  ${life.name} hangs for ${Math.round(ms)} ms`);
    }
    if (faults.strikes('clock jump')) {
      const { machine } = life;
      const ms = (chance.next() - 0.5) * 4_000;
      machine.jumpedAt = schedule.now;
      machine.skewMs = Math.abs(machine.skewMs + ms) > 5_000 ? 0 : machine.skewMs + ms;
      world.trace.note(`  the clock of ${machine.name} is off by ${Math.round(machine.skewMs)} ms`);
    }
    if (faults.strikes('slow journal')) world.slowUntil = schedule.now + 3_000 * chance.next();
  }

  async #calm(): Promise<void> {
    const world = this.#world;
    world.faults.end();
    world.slowUntil = 0;
    for (const { life } of world.machines) if (life !== undefined) life.hangsUntil = 0;
    const restless = () =>
      [...world.model.open].find(
        (run) => !isQuiescent(world.model, run) && !world.isFull(run.owner),
      );
    const allOpen = () => world.doors.length === world.machines.length;
    await this.#until(
      'rest',
      () => allOpen() && restless() === undefined,
      () => {
        const run = restless();
        return run === undefined ? 'a node does not open' : whyNot(world.model, run);
      },
    );
    await this.#compare();
  }

  /** What the engines say of each run is what the reference model says (law 2), and what is over is gone. */
  async #compare(): Promise<void> {
    const { model } = this.#world;
    for (const folded of model.runs.values()) {
      await this.#until(
        `what a node says of ${model.nameOf(folded.id)} is what the model says`,
        this.#agreement(folded),
      );
    }
    this.#world.laws.families();
    const inMemory = () =>
      this.#world.doors.reduce((sum, { engine }) => sum + (engine?.gauges().runs ?? 0), 0);
    await this.#until('ended runs have left memory', () => inMemory() <= model.open.size);
  }

  /** For people who look for the reason. */
  async #sayGates(): Promise<void> {
    const { model, trace, machines } = this.#world;
    for (const { life } of machines) {
      const runs = life?.engine?.readings().runs ?? new Map<string, number>();
      trace.note(
        `  ${life?.name} has in memory ${[...runs].map((each) => each.join(' ')).join(', ')}`,
      );
    }
    for (const { id } of model.open) {
      for (const { life } of machines) {
        if (life === undefined) continue;
        void whenDone(life.engine?.door.runs.inspect(id), (view) => {
          for (const { task, status, gates } of view?.taskViews ?? []) {
            const words = gates.map((gate) => `${gate.kind} ${gate.message}`).join('; ');
            trace.note(`  ${life.name} of ${model.nameOf(id)}:${task} (${status}): ${words}`);
          }
        });
        await settled();
      }
    }
  }

  /** Only what is in memory answers at once. */
  async #sayLeft(life: Life): Promise<void> {
    const { model, trace } = this.#world;
    for (const { id } of model.runs.values()) {
      void whenDone(life.engine?.door.runs.inspect(id), (view) =>
        trace.note(
          `  ${life.name} has ${model.nameOf(id)} ${id.slice(-4)} in memory, ${view?.status}`,
        ),
      );
      await settled();
    }
  }

  /** Asks the owner until its answer is the fold: either may be a step ahead. */
  #agreement(folded: Folded): () => boolean {
    let view: RunView | null | undefined;
    let asked: Life | undefined;
    return () => {
      const expected = plainly(viewOf(folded.state, NO_OVERLAY));
      if (view !== undefined && isDeepStrictEqual(plainly(view), expected)) return true;
      // A node that was fenced meanwhile will not say any more.
      if (asked?.alive === true) return false;
      asked = this.#ownerOf(folded);
      const over = (answer: RunView | null | undefined) => {
        view = answer;
        asked = undefined;
      };
      void whenDone(asked?.engine?.door.runs.inspect(folded.id), over, () => over(undefined));
      return false;
    };
  }

  #ownerOf({ owner }: Folded) {
    const { doors, journal } = this.#world;
    return doors.find(({ machine }) => journal.nodeNamed(machine.name) === owner) ?? doors[0];
  }

  async #end(clients: Clients): Promise<void> {
    const { model, faults } = this.#world;
    const mend = () => {
      for (const folded of model.open) {
        const life = this.#ownerOf(folded);
        if (life === undefined) continue;
        const by = { actor: 'desk' };
        if (folded.state.cancel === undefined)
          clients.give(life, { type: 'CancelRun', run: folded.id, by });
        folded.state.nodes.forEach((_, index) => {
          if (nodeAt(folded.state, index).status.name !== 'unknown') return;
          const task = refOf(folded.state, index);
          clients.give(life, { type: 'ForceTask', run: folded.id, task, as: 'failed', by });
        });
      }
    };
    for (let round = 0; round < 20 && model.open.size > 0; round++) {
      mend();
      for (let i = 0; i < 400 && model.open.size > 0; i++) await this.#step();
    }
    faults.end();
    const [left] = model.open;
    this.#world.laws.judge(
      'terminal',
      left === undefined,
      () => `cancelled, and never over: ${left === undefined ? '' : whyNot(model, left)}`,
    );
  }

  async #close(): Promise<void> {
    const { doors, laws, schedule } = this.#world;
    const limit = schedule.now + CLOSE_MS;
    while (schedule.now < limit) await this.#step();
    for (const life of doors) {
      const gauges = life.engine?.gauges();
      if (gauges?.runs !== 0) await this.#sayLeft(life);
      const empty = gauges?.runs === 0 && gauges.unwritten === 0 && gauges.attempts === 0;
      laws.judge(
        'bounded-memory',
        empty,
        () => `nothing is open, and ${life.name} has ${JSON.stringify(gauges)}`,
      );
      let over = false;
      void whenDone(life.engine?.stop(), () => {
        over = true;
      });
      await this.#until(`${life.name} stops`, () => over);
    }
  }
}

/** A law was broken: the rest of the seed says nothing. */
class Broken extends Error {}

/** Without what only the engine knows: gates, and work that has no durable start. */
function plainly(view: RunView | null | undefined): unknown {
  if (view == null) return view;
  const taskViews = view.taskViews.map((task) => ({ ...task, gates: [] }));
  return JSON.parse(JSON.stringify({ ...view, taskViews }));
}
