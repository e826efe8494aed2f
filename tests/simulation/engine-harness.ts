/**
 * A harness for the engine's laws: an engine on a journal in memory, a clock that stands still, and
 * a connector whose every call waits until the test answers it. A crash is `crash()`: the engine
 * is forgotten as it is, and a new one is started on the same journal.
 */
import { z } from 'zod';
import {
  type ActionContext,
  ActionFailure,
  type AnyConnector,
  defineAction,
  defineConnector,
  type JobState,
} from '../../connectors/kit/index.ts';
import type { StartRequest } from '../../engine/door.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import type { Observer } from '../../engine/observer.ts';
import type { OperatorCommand, RunView, TaskView } from '../../model/run.ts';
import { TuttiError } from '../../model/errors.ts';
import { Redactor } from '../../model/redactor.ts';
import type { Door, Peer } from '../../engine/door.ts';
import { quiet, SimulatedClock } from './clock.ts';
import { MemoryJournal } from '../../journal/memory/journal.ts';
import { Process } from './process.ts';

export const by = { actor: 'test' };

/** A question that an action asked of the outside world, answered by the test. */
export interface Question {
  readonly verb: 'call' | 'locate' | 'submit' | 'follow' | 'cancel';
  readonly key: string;
  readonly context: ActionContext;
  answer(value: unknown): void;
  fail(failure: ConstructorParameters<typeof ActionFailure>[0]): void;
}

export class World {
  readonly asked: Question[] = [];
  /** Answers that need no test to think about them, by verb. */
  readonly standing = new Map<Question['verb'], (question: Question) => void>();

  ask<T>(verb: Question['verb'], context: ActionContext): Promise<T> {
    return new Promise((resolve, reject) => {
      const question: Question = {
        verb,
        key: context.key,
        context,
        answer: (value) => resolve(value as T),
        fail: (failure) => reject(new ActionFailure(failure)),
      };
      this.asked.push(question);
      this.standing.get(verb)?.(question);
    });
  }

  /** Takes the first open question of a verb, or throws: the test expected one. */
  take(verb: Question['verb']): Question {
    const index = this.asked.findIndex((question) => question.verb === verb);
    const [question] = index < 0 ? [] : this.asked.splice(index, 1);
    if (question === undefined) {
      throw new Error(
        `nobody asked to ${verb}; asked: ${this.asked.map((each) => each.verb).join(', ')}`,
      );
    }
    return question;
  }

  count(verb: Question['verb']): number {
    return this.asked.filter((question) => question.verb === verb).length;
  }
}

const anything = z.object({}).loose();

const about = {
  description: 'For tests.',
  input: anything,
  output: z.unknown(),
  examples: [],
  system: 'none',
} as const;

function callsOf(world: World) {
  const call = (context: ActionContext) => world.ask<unknown>('call', context);
  const looking = { form: 'call' as const, call };
  const one = (name: string, more: { idempotent: boolean; waits?: boolean }) =>
    defineAction({ ...about, ...more, name, title: name, does: looking });
  return [
    one('world.look', { idempotent: true }),
    one('world.wait', { idempotent: true, waits: true }),
    one('world.shout', { idempotent: false }),
    defineAction({
      ...about,
      name: 'world.touch',
      title: 'Touch',
      idempotent: false,
      does: { form: 'call', call, locate: (context) => world.ask('locate', context) },
    }),
  ];
}

function connectorOf(world: World): AnyConnector {
  return defineConnector({
    name: 'world',
    title: 'World',
    description: 'Asks the test.',
    config: anything,
    concurrency: 4,
    verified: 'tests',
    actions: [
      ...callsOf(world),
      defineAction({
        ...about,
        name: 'world.work',
        title: 'Work',
        idempotent: false,
        does: {
          form: 'job',
          submit: (context) => world.ask<string>('submit', context),
          locate: (context) => world.ask<string>('locate', context),
          follow: (context) => world.ask<JobState<unknown>>('follow', context),
          cancel: (context) => world.ask<void>('cancel', context),
        },
      }),
    ],
  });
}

/** By journal: how many ids were given. */
const ids = new WeakMap<MemoryJournal, number>();

interface StageOptions {
  readonly mostRuns?: number;
  readonly nodeName?: string;
  readonly observer?: Observer;
  readonly clock?: SimulatedClock;
  /** The state directory's id: nodes of one place see what the other began. */
  readonly stateDirectoryId?: string;
}

export class EngineHarness {
  readonly clock: SimulatedClock;
  readonly journal: MemoryJournal;
  readonly world = new World();
  engine: Engine;
  process = new Process();
  /** Requests that it made to other nodes. */
  sent = 0;
  /** What they answer does not arrive. */
  loseAnswers = false;
  readonly #options: StageOptions;
  /** Stages by the address that they registered with. */
  readonly #network: Map<string, EngineHarness>;

  private constructor(
    clock: SimulatedClock,
    journal: MemoryJournal,
    network: Map<string, EngineHarness>,
    options: StageOptions,
  ) {
    this.clock = clock;
    this.journal = journal;
    this.#network = network;
    this.#options = options;
    this.engine = this.#create();
  }

  static async open(
    options: StageOptions & { readonly beside?: EngineHarness } = {},
  ): Promise<EngineHarness> {
    const clock = options.beside?.clock ?? options.clock ?? new SimulatedClock();
    const journal = options.beside?.journal ?? new MemoryJournal(() => clock.now());
    const network =
      options.beside === undefined ? new Map<string, EngineHarness>() : options.beside.#network;
    const harness = new EngineHarness(clock, journal, network, options);
    await harness.#start();
    return harness;
  }

  get name(): string {
    return this.#options.nodeName ?? 'node-a';
  }

  async #start(): Promise<void> {
    const url = `http://${this.name}`;
    this.#network.set(url, this);
    await this.engine.start(url);
  }

  /** What this node reaches at an address: a dead node refuses, a stopped one does not answer. */
  #peer(url: string): Peer {
    const reach = async <T>(work: (door: Door) => Promise<T>): Promise<T> => {
      const harness = this.#network.get(url);
      if (harness === undefined || harness.process.state === 'dead')
        throw new TuttiError('node.unreachable');
      this.sent += 1;
      await new Promise<void>((resolve) => harness.process.when(resolve));
      const answer = await work(harness.engine.door);
      if (this.loseAnswers) throw new TuttiError('command.unanswered');
      return answer;
    };
    return {
      submit: (command) => reach((door) => door.commands.submit(command, this.name)),
      inspect: (run, range) => reach((door) => door.runs.inspect(run, range, this.name)),
    };
  }

  #create(): Engine {
    return createEngine({
      journal: this.process.journal(this.journal.beside()),
      connectors: [connectorOf(this.world)],
      systems: { get: () => undefined, names: () => [] },
      nodeName: this.name,
      clock: this.process.clock(this.clock),
      chance: { next: () => 0 },
      ids: { run: () => this.#newId() },
      stateDirectory: '/nowhere',
      stateDirectoryId: this.#options.stateDirectoryId ?? this.name,
      peers: (url) => this.#peer(url),
      redactor: new Redactor(['hunter2']),
      log: { warn: () => {}, info: () => {} },
      leaseMs: 5_000,
      ...(this.#options.observer !== undefined && { observer: this.#options.observer }),
      ...(this.#options.mostRuns !== undefined && { mostRuns: this.#options.mostRuns }),
    });
  }

  /** Nodes beside each other share the journal, and must not give one id twice. */
  #newId(): string {
    const count = (ids.get(this.journal) ?? 0) + 1;
    ids.set(this.journal, count);
    return `00000000-0000-7000-8000-${String(count).padStart(12, '0')}`;
  }

  /** The process is gone; a new one of the same name starts on what is durable. */
  async crash(): Promise<void> {
    this.world.asked.length = 0;
    this.process.kill();
    this.process = new Process();
    this.engine = this.#create();
    await this.#start();
    await quiet();
  }

  async deploy(source: string): Promise<void> {
    const result = await this.engine.door.deployments.deploy({ source, by });
    if (result.refused) throw new Error(JSON.stringify(result.problems, null, 1));
  }

  /** Starts a run and lets the world settle. */
  async start(workflow: string, inputs = {}, more: Partial<StartRequest> = {}): Promise<string> {
    const answer = await this.engine.door.commands.start({ workflow, inputs, by, ...more });
    if (answer.refused) throw new Error(answer.message);
    await quiet();
    return answer.run;
  }

  async submit(command: OperatorCommand) {
    const answer = await this.engine.door.commands.submit(command);
    await quiet();
    return answer;
  }

  async view(run: string): Promise<RunView> {
    const view = await this.engine.door.runs.inspect(run);
    if (view === null) throw new Error(`no run ${run}`);
    return view;
  }

  async task(run: string, name: string): Promise<TaskView> {
    const task = (await this.view(run)).taskViews.find((each) => each.task === name);
    if (task === undefined) throw new Error(`no task ${name}`);
    return task;
  }

  types(run: string): string[] {
    return (this.journal.rows.get(run)?.events ?? []).map((event) => event.type);
  }
}
