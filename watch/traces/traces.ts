/**
 * Spans from what the engine tells: a run is a trace, an attempt of a task is a span below it, a
 * child run a span below the attempt that started it. A span is made when its end is durable,
 * with the times that the journal has: there is nothing to keep meanwhile and nothing to lose
 * in a crash, and whichever node ends an attempt says the whole of it.
 *
 * A span says what ran and how it ended: names, codes, classes. Never inputs, outputs or messages,
 * which may be confidential.
 */
import {
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  TraceFlags,
  isSpanContextValid,
  trace,
} from '@opentelemetry/api';
import type { TraceContext } from '../../connectors/kit/connector.ts';
import type { WatchedRun } from '../../engine/observer.ts';
import type { Definition, TaskDefinition } from '../../model/definition.ts';
import type { Failure, RunEnded, RunEvent, TaskEnded, TaskRetrying } from '../../model/run.ts';
import { taskNameOf } from '../../model/task-reference.ts';
import { attemptSpan, parentSpan, runSpan, type SpanName, type SpanNames } from './ids.ts';

interface Timed {
  readonly from: number;
  readonly to: number;
}

export class Traces {
  readonly #tracer: Tracer;
  /** undefined: the SDK is not ours and gives ids of its own; the trace is the same, spans hang loose. */
  readonly #names: SpanNames | undefined;
  /** What the sampler says of a run: asked once, at the first thing that has to know. */
  readonly #samples = new WeakMap<WatchedRun, SpanContext>();
  /** The tasks of a version by name: a span costs the same however many there are. */
  readonly #tasks = new WeakMap<Definition, ReadonlyMap<string, TaskDefinition>>();

  constructor(tracer: Tracer, names: SpanNames | undefined) {
    this.#tracer = tracer;
    this.#names = names;
  }

  decided(run: WatchedRun, events: readonly RunEvent[]): void {
    for (const event of events) {
      if (event.type === 'TaskEnded' || event.type === 'TaskRetrying') this.#attempt(run, event);
      else if (event.type === 'RunEnded') this.#run(run, event);
    }
  }

  /** What is sent to the system of an attempt: its span is not there yet, but its id is known. */
  contextOf(run: WatchedRun, task: string, attempt: number): TraceContext {
    const { traceFlags, traceState } = this.#sample(run);
    const { traceId, spanId } = attemptSpan(run, task, attempt);
    const flags = traceFlags.toString(16).padStart(2, '0');
    const tracestate = traceState?.serialize() ?? '';
    return {
      traceparent: `00-${traceId}-${spanId}-${flags}`,
      ...(tracestate !== '' && { tracestate }),
    };
  }

  #attempt(run: WatchedRun, event: TaskEnded | TaskRetrying): void {
    const { startedAt, task, attempt, failure, at } = event;
    // Switches decide at once, and an operator's word is no attempt.
    if (startedAt === undefined || !this.#isSampled(run)) return;
    const name = taskNameOf(task);
    const definition = this.#taskOf(run.definition, name);
    const span = this.#start(
      attemptSpan(run, task, attempt),
      `${run.workflow}/${name}`,
      {
        kind: definition?.body.kind === 'action' ? SpanKind.CLIENT : SpanKind.INTERNAL,
        startTime: time(startedAt),
        attributes: {
          ...about(run),
          'tutti.task': task,
          'tutti.attempt': attempt,
          ...actionOf(definition),
          'tutti.end': event.type === 'TaskEnded' ? event.end : 'retrying',
          ...errorOf(failure),
        },
      },
      this.#below(run, runSpan(run)),
    );
    close(span, failure, { from: startedAt, to: at });
  }

  #taskOf(definition: Definition, name: string): TaskDefinition | undefined {
    let tasks = this.#tasks.get(definition);
    if (tasks === undefined) {
      tasks = new Map(definition.tasks.map((task) => [task.name, task]));
      this.#tasks.set(definition, tasks);
    }
    return tasks.get(name);
  }

  #run(run: WatchedRun, { at, end, failure }: RunEnded): void {
    if (!this.#isSampled(run)) return;
    const span = this.#startRun(run, { 'tutti.end': end, ...errorOf(failure) });
    const code = failure?.code ?? (end === 'succeeded' || end === 'cancelled' ? undefined : end);
    close(span, code === undefined ? undefined : { code }, { from: run.createdAt, to: at });
  }

  #startRun(run: WatchedRun, attributes: Attributes): Span {
    const above = parentSpan(run);
    const options = {
      kind: SpanKind.INTERNAL,
      startTime: time(run.createdAt),
      attributes: { ...about(run), ...attributes },
      links: linksOf(run),
    };
    const name = runSpan(run);
    if (above !== undefined) {
      return this.#start(name, run.workflow, options, this.#below(run, above));
    }
    // With ids of the SDK's own, only a parent can tell it which trace this is.
    const context = this.#names === undefined ? within(name, TraceFlags.SAMPLED) : ROOT_CONTEXT;
    return this.#start(name, run.workflow, options, context);
  }

  #start(
    name: SpanName,
    title: string,
    options: Parameters<Tracer['startSpan']>[1],
    context: Context,
  ): Span {
    const start = () => this.#tracer.startSpan(title, options, context);
    return this.#names === undefined ? start() : this.#names.as(name, start);
  }

  #below(run: WatchedRun, above: SpanName): Context {
    return within(above, this.#sample(run).traceFlags);
  }

  #isSampled(run: WatchedRun): boolean {
    return (this.#sample(run).traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  /** Starts the span at the top and forgets it: what is not ended is not exported. */
  #sample(run: WatchedRun): SpanContext {
    const known = this.#samples.get(run);
    if (known !== undefined) return known;
    const { traceId } = runSpan(run);
    const options = { attributes: about(run) };
    const context = this.#names === undefined ? within(runSpan(run), 1) : ROOT_CONTEXT;
    const asked = this.#start(
      { traceId, spanId: runSpan(run).spanId },
      run.workflow,
      options,
      context,
    );
    const answer = asked.spanContext();
    this.#samples.set(run, answer);
    return answer;
  }
}

/** Whether an SDK listens: without one the tracer gives spans without a context. */
export function isTraced(tracer: Tracer): boolean {
  return isSpanContextValid(tracer.startSpan('tutti', {}, ROOT_CONTEXT).spanContext());
}

function within({ traceId, spanId }: SpanName, traceFlags: number): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: false });
}

/** Seconds and nanoseconds: a plain number that is old enough is taken for the age of the process. */
function time(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}

function about(run: WatchedRun): Attributes {
  return {
    'tutti.run': run.id,
    'tutti.workflow': run.workflow,
    'tutti.workflow.version': run.version,
  };
}

function actionOf(definition: TaskDefinition | undefined): Attributes {
  if (definition === undefined) return {};
  const { body } = definition;
  if (body.kind !== 'action') return { 'tutti.action': body.kind };
  return {
    'tutti.action': body.action,
    ...(body.system !== undefined && { 'tutti.system': body.system }),
  };
}

function errorOf(failure: Failure | undefined): Attributes {
  if (failure === undefined) return {};
  return { 'error.type': failure.code, 'tutti.error.class': failure.class };
}

function close(
  span: Span,
  failure: { readonly code: string } | undefined,
  { from, to }: Timed,
): void {
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure.code });
  span.end(time(Math.max(from, to)));
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The caller's trace is its own: the run's is linked to it, not part of it. */
function linksOf({ trace: given = '' }: WatchedRun): Link[] {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(given) ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? [{ context }] : [];
}
