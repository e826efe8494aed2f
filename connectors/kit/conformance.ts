/**
 * The conformance suite: what every connector must show against its real counterpart.
 *
 * A connector's test hands over proofs: inputs whose effect the counterpart can count. The suite
 * registers the tests. What a proof leaves out is not tested, so a proof says what is missing.
 *
 *   description   examples and outputs fit the schemas, and the schemas can be written as JSON
 *   submit once   the same key twice, and again from a fresh process: one effect
 *   re-attach     located by key without any memory, followed to the end
 *   log           read on from every cursor: no loss, no duplicate
 *   cancel        requested, then confirmed; a job that ended first keeps its result
 *   failures      class, code and the system's own words
 *   may leave     what may not happen twice asks before it leaves, and stays when it may not
 *   ends          what the system never ends ends with the signal, before the call and in it
 *   floods        an output without end ends as `output.too-large`
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ErrorClass } from '../../model/definition.ts';
import type { Json } from '../../model/json.ts';
import {
  type ActionFailure,
  type Action,
  type ActionContext,
  type AnyConnector,
  type CallAction,
  type JobAction,
  type JobState,
  type LogChunk,
} from './connector.ts';

export interface Counterpart {
  readonly config: unknown;
  readonly directory: string;
  readonly stateDirectory: string;
  /** The connector as a process that just started would have it: nothing in memory. */
  fresh(): Promise<AnyConnector>;
  close(): Promise<void>;
}

/** A value, or how to make it once the counterpart runs. */
type Given<T> = T | ((counterpart: Counterpart) => T | Promise<T>);

export interface FailureProof {
  readonly title: string;
  readonly action: string;
  readonly with: Given<unknown>;
  readonly class: ErrorClass;
  readonly code: string;
  /** Part of what the system said, verbatim. */
  readonly native?: object;
}

export interface CallProof {
  readonly action: string;
  readonly with: Given<unknown>;
  readonly output: object;
  /** How often it took effect so far; then the suite calls twice with one key and expects one. */
  readonly effects?: (counterpart: Counterpart) => Promise<number>;
  /** With `locate`: whether it must be able to tell. */
  readonly locates?: boolean;
}

export interface JobProof {
  readonly action: string;
  readonly with: Given<unknown>;
  readonly output: object;
  effects(counterpart: Counterpart): Promise<number>;
  readonly log: { readonly out: string; readonly err: string };
  /** Runs until it is cancelled; with `stubborn`, until it is cancelled by force. */
  readonly endless: Given<unknown>;
  readonly stubborn?: Given<unknown>;
}

/** A call of an action, given by its input. */
export interface GivenCall {
  readonly action: string;
  readonly with: Given<unknown>;
}

export interface EndlessProof extends GivenCall {
  /** Resolves when the system has begun with it. */
  begun(counterpart: Counterpart): Promise<unknown>;
}

export interface Proofs {
  readonly calls?: readonly CallProof[];
  readonly jobs?: readonly JobProof[];
  readonly failures?: readonly FailureProof[];
  /** Calls that the system never answers, or whose work never ends. */
  readonly endless?: readonly EndlessProof[];
  /** Calls whose output has no end, or is larger than memory. */
  readonly floods?: readonly GivenCall[];
}

type AnyAction = AnyConnector['actions'][number];
type AnyJob = JobAction<unknown, unknown, unknown>;
type AnyCall = CallAction<unknown, unknown, unknown>;

export function conformance(
  connector: AnyConnector,
  open: () => Promise<Counterpart>,
  proofs: Proofs,
): void {
  describe(`${connector.name} keeps the contract`, () => {
    let counterpart: Counterpart;
    beforeAll(async () => {
      counterpart = await open();
    });
    afterAll(async () => await counterpart.close());
    const bench = () => new Bench(counterpart);
    describeActions(connector);
    for (const proof of proofs.calls ?? []) proveCall(proof, bench);
    for (const proof of proofs.jobs ?? []) proveJob(proof, bench);
    for (const proof of proofs.failures ?? []) proveFailure(proof, bench);
    for (const proof of proofs.endless ?? []) proveEnd(proof, bench);
    for (const proof of proofs.floods ?? []) proveBound(proof, bench);
  });
}

let keys = 0;

/** One attempt's surroundings, made anew for each process that is played. */
class Bench {
  readonly counterpart: Counterpart;
  constructor(counterpart: Counterpart) {
    this.counterpart = counterpart;
  }
  context(key = this.key(), signal = new AbortController().signal): ActionContext {
    const { config, directory, stateDirectory } = this.counterpart;
    const [run = '', task = ''] = key.split(':');
    return { key, run, task, attempt: 1, config, directory, stateDirectory, signal, log: () => {} };
  }
  key(): string {
    keys += 1;
    return `conformance-${process.pid}-${keys}:task:1`;
  }
  async action(name: string): Promise<AnyAction> {
    const connector = await this.counterpart.fresh();
    const action = connector.actions.find((candidate) => candidate.name === name);
    if (action === undefined) throw new Error(`${connector.name} has no action ${name}`);
    return action;
  }
  async job(name: string): Promise<AnyJob> {
    const { does } = await this.action(name);
    if (does.form !== 'job') throw new Error(`${name} is not a job`);
    return does;
  }
  async input(action: string, given: Given<unknown>): Promise<unknown> {
    const value = typeof given === 'function' ? await given(this.counterpart) : given;
    return (await this.action(action)).input.parse(value);
  }
}

function describeActions(connector: AnyConnector): void {
  test('has a configuration that can be written as JSON Schema', () => {
    expect(() => z.toJSONSchema(connector.config, { io: 'input' })).not.toThrow();
  });
  test.each(connector.actions.map((action) => [action.name, action] as const))(
    '%s: schemas can be written as JSON Schema, examples fit the input',
    (_name, action: Action) => {
      expect(() => z.toJSONSchema(action.input, { io: 'input' })).not.toThrow();
      expect(() => z.toJSONSchema(action.output)).not.toThrow();
      expect(action.examples.length).toBeGreaterThan(0);
      for (const example of action.examples) {
        expect(() => action.input.parse(example.with)).not.toThrow();
      }
    },
  );
}

function proveCall(proof: CallProof, bench: () => Bench): void {
  test(`${proof.action}: its output is as expected and fits its schema`, async () => {
    const { action, input, call } = await openCall(proof, bench());
    const output = await call.call(bench().context(), input);
    expect(action.output.parse(output)).toEqual(output);
    expect(output).toMatchObject(proof.output);
  });
  if (proof.effects !== undefined) proveEffects(proof, proof.effects, bench);
  if (proof.locates !== true) return;
  test(`${proof.action}: locates by key what took effect, and says absent of what did not`, async () => {
    const { input, call } = await openCall(proof, bench());
    const context = bench().context();
    expect(await call.locate?.(context, input)).toBe('absent');
    const output = await call.call(context, input);
    const again = await openCall(proof, bench());
    expect(await again.call.locate?.(bench().context(context.key), input)).toEqual({
      found: output,
    });
  });
}

/** An idempotent action is called twice with one key: a lost reply, or a crash. */
function proveEffects(
  proof: CallProof,
  effects: (counterpart: Counterpart) => Promise<number>,
  bench: () => Bench,
): void {
  test(`${proof.action}: takes effect once under one key`, async () => {
    const { action, input, call } = await openCall(proof, bench());
    const context = bench().context();
    const before = await effects(bench().counterpart);
    await call.call(context, input);
    if (isIdempotent(action, input)) {
      await (await openCall(proof, bench())).call.call(bench().context(context.key), input);
    }
    expect((await effects(bench().counterpart)) - before).toBe(1);
  });
  test(`${proof.action}: leaves nothing behind when its node may not act any more`, async () => {
    const { action, input, call } = await openCall(proof, bench());
    let asked = 0;
    const mayLeave = () => {
      asked += 1;
      return Promise.resolve(false);
    };
    const before = await effects(bench().counterpart);
    const ending = call.call({ ...bench().context(), mayLeave }, input).then(
      () => 'done',
      (error: unknown) => (isActionFailure(error) ? error.class : error),
    );
    // What may happen twice need not ask.
    const once = !isIdempotent(action, input);
    expect(await ending).toBe(once ? 'transient' : 'done');
    expect(asked > 0).toBe(once);
    expect((await effects(bench().counterpart)) - before).toBe(once ? 0 : 1);
  });
}

function isIdempotent(action: AnyAction, input: unknown): boolean {
  return typeof action.idempotent === 'function' ? action.idempotent(input) : action.idempotent;
}

async function openCall(proof: GivenCall, bench: Bench) {
  const action = await bench.action(proof.action);
  if (action.does.form !== 'call') throw new Error(`${proof.action} is not a call`);
  const call: AnyCall = action.does;
  return { action, call, input: await bench.input(proof.action, proof.with) };
}

function proveJob(proof: JobProof, bench: () => Bench): void {
  test(`${proof.action}: submitted twice and by a fresh process, it takes effect once`, async () => {
    const input = await bench().input(proof.action, proof.with);
    const before = await proof.effects(bench().counterpart);
    const context = bench().context();
    const first = await bench().job(proof.action);
    expect(await first.locate(context, input)).toBe('absent');
    const [job, twin] = await Promise.all([
      first.submit(context, input),
      first.submit(context, input),
    ]);
    expect(twin).toEqual(job);
    const late = await bench().job(proof.action);
    expect(await late.submit(bench().context(context.key), input)).toEqual(job);
    expect(await followToEnd(late, context, job)).toMatchObject({ state: 'succeeded' });
    expect(await late.submit(bench().context(context.key), input)).toEqual(job);
    expect((await proof.effects(bench().counterpart)) - before).toBe(1);
  });

  test(`${proof.action}: a fresh process finds it by key and follows it to the end`, async () => {
    const input = await bench().input(proof.action, proof.with);
    const before = await proof.effects(bench().counterpart);
    const context = bench().context();
    const job = await (await bench().job(proof.action)).submit(context, input);
    const action = await bench().action(proof.action);
    const later = await bench().job(proof.action);
    const again = bench().context(context.key);
    const located = await later.locate(again, input);
    // `absent` promises that the first submission will never begin: then it is submitted again.
    const found = located === 'absent' ? await later.submit(again, input) : located;
    expect(found).toEqual(job);
    const end = await followToEnd(later, bench().context(context.key), found);
    expect((await proof.effects(bench().counterpart)) - before).toBe(1);
    expect(end).toMatchObject({ state: 'succeeded', output: proof.output });
    expect(end.native).toBeDefined();
    const output = end.state === 'succeeded' ? end.output : undefined;
    expect(action.output.parse(output)).toEqual(output);
  });

  proveLog(proof, bench);
  proveCancel(proof, bench);

  test(`${proof.action}: forgets the job when it is cleaned up`, async () => {
    const input = await bench().input(proof.action, proof.with);
    const context = bench().context();
    const does = await bench().job(proof.action);
    const job = await does.submit(context, input);
    await followToEnd(does, context, job);
    await does.cleanUp?.(context, job);
    await does.cleanUp?.(context, job);
    expect(await does.locate(context, input)).toBe('absent');
  });
}

function proveLog(proof: JobProof, bench: () => Bench): void {
  test(`${proof.action}: its log goes on from every cursor without loss or duplicate`, async () => {
    const input = await bench().input(proof.action, proof.with);
    const context = bench().context();
    const does = await bench().job(proof.action);
    const job = await does.submit(context, input);
    const live = await readWhileRunning(does, context, job);
    expect(textOf(live, 'out')).toBe(proof.log.out);
    expect(textOf(live, 'err')).toBe(proof.log.err);
    const reads = await readLog(does, context, job, null);
    for (const [index, { cursor }] of reads.entries()) {
      const before = reads.slice(0, index + 1).flatMap((read) => read.chunks);
      const rest = await readLog(await bench().job(proof.action), context, job, cursor);
      const whole = [...before, ...rest.flatMap((read) => read.chunks)];
      expect(textOf(whole, 'out')).toBe(proof.log.out);
      expect(textOf(whole, 'err')).toBe(proof.log.err);
    }
  });
}

function proveCancel(proof: JobProof, bench: () => Bench): void {
  test(`${proof.action}: cancelling is requested, then confirmed`, async () => {
    const { does, context, job } = await submitted(proof.action, proof.endless, bench());
    expect(await does.follow(context, job)).toMatchObject({ state: 'running' });
    await does.cancel?.(context, job, false);
    expect(await followToEnd(does, context, job)).toMatchObject({ state: 'cancelled' });
    await does.cancel?.(context, job, true);
    expect(await does.follow(context, job)).toMatchObject({ state: 'cancelled' });
  });
  if (proof.stubborn !== undefined) proveForce(proof, proof.stubborn, bench);
  test(`${proof.action}: a job that ended first keeps its result`, async () => {
    const { does, context, job } = await submitted(proof.action, proof.with, bench());
    await followToEnd(does, context, job);
    await does.cancel?.(context, job, false);
    expect(await does.follow(context, job)).toMatchObject({ state: 'succeeded' });
  });
}

function proveForce(proof: JobProof, stubborn: Given<unknown>, bench: () => Bench): void {
  test(`${proof.action}: a job that does not listen is stopped by force`, async () => {
    const { does, context, job } = await submitted(proof.action, stubborn, bench());
    await loggedSomething(does, context, job);
    await does.cancel?.(context, job, false);
    expect(await does.follow(context, job)).toMatchObject({ state: 'running' });
    await does.cancel?.(context, job, true);
    expect(await followToEnd(does, context, job)).toMatchObject({ state: 'cancelled' });
  });
}

async function submitted(action: string, given: Given<unknown>, bench: Bench) {
  const does = await bench.job(action);
  const context = bench.context();
  const job = await does.submit(context, await bench.input(action, given));
  return { does, context, job };
}

function proveFailure(proof: FailureProof, bench: () => Bench): void {
  test(`${proof.action}: ${proof.title} is ${proof.class}, ${proof.code}`, async () => {
    const failure = await failureOf(proof, bench());
    expect(failure.name).toBe('ActionFailure');
    expect({ class: failure.class, code: failure.code }).toEqual({
      class: proof.class,
      code: proof.code,
    });
    expect(failure.message.length).toBeGreaterThan(10);
    expect(failure.native ?? {}).toMatchObject(proof.native ?? {});
  });
}

/** The test's own limit is the proof that it ends. */
function proveEnd(proof: EndlessProof, bench: () => Bench): void {
  test(`${proof.action}: ends with the signal, whatever the system does`, async () => {
    const { input, call } = await openCall(proof, bench());
    const abort = new AbortController();
    const ending = call
      .call(bench().context(undefined, abort.signal), input)
      .catch((error: unknown) => error);
    await proof.begun(bench().counterpart);
    abort.abort();
    expect(await ending).toMatchObject({ name: 'ActionFailure' });
    const late = call.call(bench().context(undefined, abort.signal), input);
    await expect(late).rejects.toMatchObject({ name: 'ActionFailure' });
  });
}

function proveBound(proof: GivenCall, bench: () => Bench): void {
  test(`${proof.action}: an output without end is refused before it fills the memory`, async () => {
    const { input, call } = await openCall(proof, bench());
    await expect(call.call(bench().context(), input)).rejects.toMatchObject({
      class: 'rejected',
      code: 'output.too-large',
    });
  });
}

async function failureOf(proof: FailureProof, bench: Bench): Promise<ActionFailure> {
  const { does } = await bench.action(proof.action);
  const input = await bench.input(proof.action, proof.with);
  const context = bench.context();
  try {
    if (does.form === 'call') {
      const output = await does.call(context, input);
      throw new Error(`${proof.action} succeeded: ${JSON.stringify(output)}`);
    }
    const end = await followToEnd(does, context, await does.submit(context, input));
    if (end.state !== 'failed') throw new Error(`${proof.action} ended ${end.state}`);
    return end.failure;
  } catch (error) {
    if (isActionFailure(error)) return error;
    throw error;
  }
}

/** By name: a freshly loaded connector has a class of its own. */
function isActionFailure(error: unknown): error is ActionFailure {
  return error instanceof Error && error.name === 'ActionFailure';
}

/** Asks until the job is over, sooner than `askAgainMs` when the connector wakes us. */
export async function followToEnd<Output>(
  does: JobAction<unknown, never, Output>,
  context: ActionContext,
  job: Json,
): Promise<Exclude<JobState<Output>, { state: 'running' }>> {
  for (;;) {
    const state = await does.follow(context, job);
    if (state.state !== 'running') return state;
    const over = new AbortController();
    // ignored: the delay rejects when it is aborted.
    const pause = delay(state.askAgainMs, undefined, { signal: over.signal }).catch(() => {});
    await (does.wake === undefined ? pause : Promise.race([does.wake(context, job), pause]));
    over.abort();
  }
}

interface LogRead {
  readonly chunks: readonly LogChunk[];
  readonly cursor: Json;
}

/** Every read from `cursor` until there is no more. */
export async function readLog(
  does: JobAction<unknown, never, unknown>,
  context: ActionContext,
  job: Json,
  cursor: Json,
): Promise<readonly LogRead[]> {
  const reads: LogRead[] = [];
  for (let at = cursor, more = true; more; ) {
    const read = await does.log?.(context, job, at);
    if (read === undefined) break;
    reads.push(read);
    ({ cursor: at, more } = read);
  }
  return reads;
}

async function readWhileRunning(does: AnyJob, context: ActionContext, job: Json) {
  const chunks: LogChunk[] = [];
  let cursor: Json = null;
  for (let over = false; !over; ) {
    over = (await does.follow(context, job)).state !== 'running';
    for (const read of await readLog(does, context, job, cursor)) {
      chunks.push(...read.chunks);
      ({ cursor } = read);
    }
  }
  return chunks;
}

async function loggedSomething(does: AnyJob, context: ActionContext, job: Json): Promise<void> {
  while ((await readLog(does, context, job, null)).every((read) => read.chunks.length === 0)) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function textOf(chunks: readonly LogChunk[], stream: LogChunk['stream']): string {
  return chunks
    .filter((chunk) => chunk.stream === stream)
    .map((chunk) => chunk.text)
    .join('');
}
