/**
 * The systems outside, and how a node reaches them. They remember for ever, by key, what was done:
 * how often an effect was executed, and what became of a job. Whether a request or its reply gets
 * lost on the way, comes late or comes twice, the seed decides.
 *
 * A system that says `absent` has not seen the key and will not: requests that are still on their
 * way are turned away. That is what its contract asks of it.
 */
import { type ActionContext, ActionFailure, type JobState } from '../../connectors/kit/index.ts';
import type { Json } from '../../model/json.ts';
import type { Chance } from '../chaos/chance.ts';
import type { Faults } from './faults.ts';
import type { Laws } from './laws.ts';
import type { Life } from './machine.ts';
import type { Schedule } from './schedule.ts';

/** What is known of a key. */
interface Record {
  /** Effects that may not happen twice: how often they did. */
  executed: number;
  /** Requests on their way. */
  travelling: number;
  /** Raised by each `absent`: what was sent before it is turned away. */
  generation: number;
  /** The generation in which it was last sent. */
  sentIn: number;
  output: Json;
  job: Job | undefined;
}

interface Job {
  endsAt: number;
  end: 'succeeded' | 'failed' | 'cancelled';
  readonly failure: ActionFailure | undefined;
}

export type Verb = 'look' | 'touch' | 'shout';

type Answer<T> = { readonly value: T } | { readonly failure: ActionFailure };

const CLASSES = ['transient', 'transient', 'failed', 'failed', 'rejected'] as const;

export class ExternalSystems {
  readonly #records = new Map<string, Record>();
  readonly #schedule: Schedule;
  readonly #chance: Chance;
  readonly #faults: Faults;
  laws: Laws | undefined;
  nodeOf: (life: Life) => number | undefined = () => undefined;
  /** Effects in all. */
  executions = 0;

  constructor(schedule: Schedule, chance: Chance, faults: Faults) {
    this.#schedule = schedule;
    this.#chance = chance;
    this.#faults = faults;
  }

  isGoing(key: string): boolean {
    const record = this.#records.get(key);
    if (record === undefined) return false;
    const { job } = record;
    return job === undefined ? record.travelling > 0 : this.#schedule.now < job.endsAt;
  }

  executed(key: string): number {
    return this.#records.get(key)?.executed ?? 0;
  }

  /** One exchange. */
  call(life: Life, verb: Verb, context: ActionContext): Promise<unknown> {
    this.laws?.leaves(context, verb !== 'look', this.nodeOf(life));
    const send = () =>
      this.#send<Json>(life, `${verb} ${this.#short(context)}`, context.signal, {
        record: verb === 'look' ? undefined : this.#sending(context),
        work: (record) => this.#exchange(record),
      });
    // To do it twice does no harm: the network may.
    if (verb === 'look' && this.#faults.strikes('duplicate delivery')) void send().catch(() => {});
    return send();
  }

  #exchange(record: Record | undefined): Answer<Json> {
    const failure = this.#chance.happens(0.12) ? this.#failure() : undefined;
    if (failure !== undefined) return { failure };
    const output = this.#output();
    if (record !== undefined) {
      record.output = output;
      this.#execute(record);
    }
    return { value: output };
  }

  #execute(record: Record): void {
    record.executed += 1;
    this.executions += 1;
    this.laws?.judge(
      'never-twice',
      record.executed === 1,
      () => `an effect was executed ${record.executed} times`,
    );
  }

  locate(life: Life, context: ActionContext): Promise<{ found: Json } | 'absent' | 'cannot-tell'> {
    return this.#send<{ found: Json } | 'absent' | 'cannot-tell'>(
      life,
      `locate ${this.#short(context)}`,
      undefined,
      {
        record: undefined,
        work: () => {
          if (this.#faults.strikes('unreachable')) return { value: 'cannot-tell' };
          const record = this.#record(context.key);
          if (record.executed > 0) return { value: { found: record.output } };
          this.#turnAway(record);
          return { value: 'absent' };
        },
      },
    );
  }

  submit(life: Life, context: ActionContext): Promise<string> {
    this.laws?.leaves(context, true, this.nodeOf(life));
    const { key } = context;
    const travel = {
      record: this.#sending(context),
      work: (record: Record | undefined): Answer<string> => {
        if (record !== undefined && record.job === undefined) this.#begin(record);
        return { value: key };
      },
    };
    const what = `submit ${this.#short(context)}`;
    if (this.#faults.strikes('duplicate delivery')) {
      // A system that knows keys finds the job that is there.
      travel.record.travelling += 1;
      void this.#send(life, what, undefined, travel).catch(() => {});
    }
    return this.#send(life, what, undefined, travel);
  }

  #begin(record: Record): void {
    const failed = this.#chance.happens(0.15);
    const ms = this.#chance.happens(0.15) ? 8_000 * this.#chance.next() : 400 * this.#chance.next();
    record.job = {
      endsAt: this.#schedule.now + ms,
      end: failed ? 'failed' : 'succeeded',
      failure: failed ? this.#failure() : undefined,
    };
    record.output = this.#output();
    this.#execute(record);
  }

  locateJob(life: Life, context: ActionContext): Promise<string> {
    return this.#send(life, `locate job ${this.#short(context)}`, undefined, {
      record: undefined,
      work: (): Answer<string> => {
        if (this.#faults.strikes('unreachable')) return { failure: unreachable() };
        const record = this.#record(context.key);
        if (record.job !== undefined) return { value: context.key };
        this.#turnAway(record);
        return { value: 'absent' };
      },
    });
  }

  /** What was sent before is not let in any more. */
  #turnAway(record: Record): void {
    record.generation += 1;
    record.travelling = 0;
  }

  follow(life: Life, context: ActionContext, job: Json): Promise<JobState<unknown>> {
    return this.#send(life, `follow ${this.#short(context)}`, undefined, {
      record: undefined,
      work: (): Answer<JobState<unknown>> => {
        if (this.#faults.strikes('unreachable')) return { failure: unreachable() };
        return { value: this.#stateOf(job as string) };
      },
    });
  }

  #stateOf(key: string): JobState<unknown> {
    const { job, output } = this.#record(key);
    if (job === undefined) throw new Error(`no job ${key}`);
    if (this.#schedule.now < job.endsAt) {
      return { state: 'running', askAgainMs: 20 + Math.floor(300 * this.#chance.next()) };
    }
    if (job.end === 'cancelled') return { state: 'cancelled' };
    if (job.failure !== undefined) return { state: 'failed', failure: job.failure };
    return { state: 'succeeded', output };
  }

  /** Some systems stop at once, some later, some only when asked with force. */
  cancel(life: Life, context: ActionContext, job: Json, force: boolean): Promise<void> {
    return this.#send(life, `cancel ${this.#short(context)}`, undefined, {
      record: undefined,
      work: (): Answer<void> => {
        if (this.#faults.strikes('unreachable')) return { failure: unreachable() };
        const found = this.#record(job as string).job;
        const now = this.#schedule.now;
        if (found !== undefined && now < found.endsAt && (force || this.#chance.happens(0.7))) {
          found.end = 'cancelled';
          found.endsAt = Math.min(found.endsAt, now + 1_000 * this.#chance.next());
        }
        return { value: undefined };
      },
    });
  }

  release(life: Life, context: ActionContext): Promise<void> {
    this.laws?.released(context);
    return this.#send(life, `release ${this.#short(context)}`, undefined, {
      record: undefined,
      work: () => ({ value: undefined }),
    });
  }

  /** A blind second submission: law 6 asks for a look in between. */
  #sending(context: ActionContext): Record {
    const record = this.#record(context.key);
    const looked = record.sentIn !== record.generation;
    this.laws?.judge(
      'never-twice',
      looked,
      () => `${this.#short(context)} was sent again, and nobody had said that it is absent`,
    );
    record.sentIn = record.generation;
    record.travelling += 1;
    return record;
  }

  /** There, and back again. */
  #send<T>(
    life: Life,
    what: string,
    signal: AbortSignal | undefined,
    travel: { record: Record | undefined; work: (record: Record | undefined) => Answer<T> },
  ): Promise<T> {
    const { record, work } = travel;
    const generation = record?.generation;
    let deaf = false;
    return new Promise((resolve, reject) => {
      const back = (ms: number, answer: Answer<T>) =>
        this.#schedule.after(ms, life, `${life.name} has its answer: ${what}`, () => {
          // Its caller is to do without it.
          if (deaf) return;
          if ('value' in answer) resolve(answer.value);
          else reject(answer.failure);
        });
      const lost = this.#faults.strikes('lost request');
      this.#schedule.after(this.#way(), null, `${what} by ${life.name}`, () => {
        const turnedAway = record !== undefined && record.generation !== generation;
        if (record !== undefined && !turnedAway) record.travelling -= 1;
        if (lost || turnedAway || (!life.alive && this.#chance.happens(0.5))) {
          back(200 + 2_000 * this.#chance.next(), { failure: noReply() });
          return;
        }
        const answer = work(record);
        if (this.#faults.strikes('lost reply')) {
          back(200 + 2_000 * this.#chance.next(), { failure: noReply() });
        } else back(this.#way(), answer);
      });
      if (signal !== undefined && !signal.aborted) {
        // A call that is aborted ends, and what it did is not known.
        const abort = (): void => {
          deaf = this.#faults.strikes('deaf call');
          if (!deaf) back(1, { failure: noReply() });
        };
        signal.addEventListener('abort', abort, { once: true });
      }
    });
  }

  #way(): number {
    if (this.#faults.strikes('late reply')) return 6_000 * this.#chance.next();
    return 0.2 + (this.#chance.happens(0.1) ? 400 : 15) * this.#chance.next();
  }

  #output(): Json {
    const n = this.#chance.below(10);
    return { n, done: n > 3, list: n % 2 === 0 ? ['x', 'y'] : [] };
  }

  #failure(): ActionFailure {
    const kind = this.#chance.pick(CLASSES);
    return new ActionFailure({ class: kind, code: 'world.failed', message: `it is ${kind}` });
  }

  #record(key: string): Record {
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const nothing = { executed: 0, travelling: 0, generation: 0, sentIn: -1 };
    const record: Record = { ...nothing, output: null, job: undefined };
    this.#records.set(key, record);
    return record;
  }

  #short({ run, task, attempt }: ActionContext): string {
    return `${run.slice(-4)}:${task}:${attempt}`;
  }
}

function noReply(): ActionFailure {
  return new ActionFailure({ class: 'unknown', code: 'world.no-reply', message: 'no reply' });
}

function unreachable(): ActionFailure {
  return new ActionFailure({ class: 'unknown', code: 'world.unreachable', message: 'unreachable' });
}
