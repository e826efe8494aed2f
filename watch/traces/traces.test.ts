/** The spans of runs, by the SDK's own exporter in memory: one tree over retries, failures, children and crashes. */
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import { describe, expect, it } from 'vitest';
import { quiet } from '../../tests/simulation/clock.ts';
import { EngineHarness } from '../../tests/simulation/engine-harness.ts';
import { EngineCounts } from '../metrics/counts.ts';
import { EngineLog } from '../engine-log.ts';
import { Observers } from '../observers.ts';
import { SpanNames } from './ids.ts';
import { isTraced, Traces } from './traces.ts';

const SILENT = { info: () => {}, warn: () => {} };

/** All that watches a node; without traces nobody traces. */
function watching(traces?: Traces) {
  return new Observers(new EngineCounts({ now: () => 0 }), new EngineLog(SILENT, () => 0), traces);
}

function traced(options: { readonly ratio?: number; readonly foreign?: boolean } = {}) {
  const exporter = new InMemorySpanExporter();
  const names = new SpanNames();
  const provider = new NodeTracerProvider({
    ...(options.foreign !== true && { idGenerator: names }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.ratio ?? 1) }),
  });
  const tracer = provider.getTracer('test');
  const traces = new Traces(tracer, options.foreign === true ? undefined : names);
  return { exporter, tracer, observer: watching(traces) };
}

async function openStage(options: Parameters<typeof traced>[0] = {}) {
  const { exporter, observer } = traced(options);
  const harness = await EngineHarness.open({ observer });
  return { harness, observer, spans: () => exporter.getFinishedSpans() };
}

/** `parent > span attempt end`, in the order of their ends. */
function tree(spans: readonly ReadableSpan[]): string[] {
  const title = (span: ReadableSpan) => {
    const { 'tutti.task': task, 'tutti.attempt': attempt } = span.attributes;
    return task === undefined ? span.name : `${span.name}#${String(attempt)}`;
  };
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  return spans.map((span) => {
    const above = byId.get(span.parentSpanContext?.spanId ?? '');
    const end = String(span.attributes['tutti.end']);
    return `${above === undefined ? '' : `${title(above)} > `}${title(span)} ${end}`;
  });
}

const ms = ([seconds, nanos]: readonly [number, number]) => seconds * 1_000 + nanos / 1e6;

const ORDER = `
workflow: order
tasks:
  post: { action: world.look, retry: { attempts: 2, delay: 1s } }
  check: { needs: [post], action: world.touch }
`;

describe('a run', () => {
  it('is a trace of its attempts, with how each of them ended', async () => {
    const { harness, spans } = await openStage();
    await harness.deploy(ORDER);
    const run = await harness.start('order');
    const began = harness.clock.now();
    await harness.clock.advance(250);
    harness.world.take('call').fail({ class: 'transient', code: 'net.busy', message: 'hunter2' });
    await quiet();
    await harness.clock.advance(1_000);
    harness.world.take('call').answer({ secret: 'hunter2' });
    await quiet();
    harness.world.take('call').fail({ class: 'rejected', code: 'desk.no', message: 'hunter2' });
    await quiet();
    expect(tree(spans())).toEqual([
      'order > order/post#1 retrying',
      'order > order/post#2 succeeded',
      'order > order/check#1 failed',
      'order failed',
    ]);
    const [first, , failed, whole] = spans();
    expect(new Set(spans().map((span) => span.spanContext().traceId))).toEqual(
      new Set([run.replaceAll('-', '')]),
    );
    expect(first?.kind).toBe(SpanKind.CLIENT);
    expect([ms(first?.startTime ?? [0, 0]), ms(first?.endTime ?? [0, 0])]).toEqual([
      began,
      began + 250,
    ]);
    expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'desk.no' });
    expect(failed?.attributes).toEqual({
      'tutti.run': run,
      'tutti.workflow': 'order',
      'tutti.workflow.version': 1,
      'tutti.task': 'check',
      'tutti.attempt': 1,
      'tutti.action': 'world.touch',
      'tutti.end': 'failed',
      'error.type': 'desk.no',
      'tutti.error.class': 'rejected',
    });
    expect(whole?.status.code).toBe(SpanStatusCode.ERROR);
    expect(ms(whole?.startTime ?? [0, 0])).toBe(began);
    expect(
      JSON.stringify(spans().map(({ attributes, status, name }) => [attributes, status, name])),
    ).not.toContain('hunter2');
  });

  it('tells its systems where they are in the trace, before and after a crash', async () => {
    const { harness, spans } = await openStage();
    await harness.deploy(ORDER);
    const run = await harness.start('order');
    harness.world.take('call').answer({});
    await quiet();
    const told = harness.world.take('call').context.trace?.traceparent;
    await harness.crash();
    const question = harness.world.take('locate');
    expect(question.context.trace?.traceparent).toBe(told);
    question.answer({ found: {} });
    await quiet();
    const check = spans().find((span) => span.name === 'order/check');
    expect(told).toBe(`00-${run.replaceAll('-', '')}-${check?.spanContext().spanId}-01`);
    expect(tree(spans()).at(-1)).toBe('order succeeded');
  });

  it('is one trace with the runs below it, however deep', async () => {
    const { harness, spans } = await openStage();
    await harness.deploy('workflow: leaf\ntasks:\n  look: { action: world.look }\n');
    await harness.deploy('workflow: middle\ntasks:\n  down: { workflow: leaf }\n');
    await harness.deploy('workflow: top\ntasks:\n  down: { workflow: middle }\n');
    const run = await harness.start('top');
    harness.world.take('call').answer({});
    await quiet();
    expect(tree(spans()).toSorted()).toEqual([
      'leaf > leaf/look#1 succeeded',
      'middle > middle/down#1 succeeded',
      'middle/down#1 > leaf succeeded',
      'top > top/down#1 succeeded',
      'top succeeded',
      'top/down#1 > middle succeeded',
    ]);
    for (const span of spans()) expect(span.spanContext().traceId).toBe(run.replaceAll('-', ''));
  });

  it('goes on as the same trace on the node that takes it over', async () => {
    const { harness, observer, spans } = await openStage();
    await harness.deploy(ORDER);
    const run = await harness.start('order');
    harness.world.take('call').answer({});
    await quiet();
    const stopped = harness.engine.stop();
    await harness.clock.advance(10_000);
    await stopped;
    const other = await EngineHarness.open({ beside: harness, nodeName: 'node-b', observer });
    await quiet();
    other.world.take('locate').answer({ found: {} });
    await quiet();
    expect(tree(spans())).toEqual([
      'order > order/post#1 succeeded',
      'order > order/check#1 succeeded',
      'order succeeded',
    ]);
    for (const span of spans()) expect(span.spanContext().traceId).toBe(run.replaceAll('-', ''));
  });

  it('is linked to the trace of whoever started it', async () => {
    const { harness, spans } = await openStage();
    await harness.deploy('workflow: one\ntasks:\n  look: { action: world.look }\n');
    const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    await harness.start('one', {}, { trace: `00-${caller.traceId}-${caller.spanId}-01` });
    await harness.crash();
    harness.world.take('call').answer({});
    await quiet();
    const links = spans().map((span) => span.links.map(({ context }) => context.spanId));
    expect(links).toEqual([[], [caller.spanId]]);
  });
});

describe('a sampler', () => {
  it('is asked once for the whole trace, and the systems are told what it said', async () => {
    const { harness, spans } = await openStage({ ratio: 0 });
    await harness.deploy('workflow: one\ntasks:\n  look: { action: world.look }\n');
    await harness.start('one');
    const question = harness.world.take('call');
    expect(question.context.trace?.traceparent).toMatch(/-00$/);
    question.answer({});
    await quiet();
    expect(spans()).toEqual([]);
  });
});

describe('an SDK that gives ids of its own', () => {
  it('still gets one trace per run', async () => {
    const { harness, spans } = await openStage({ foreign: true });
    await harness.deploy('workflow: one\ntasks:\n  look: { action: world.look }\n');
    const run = await harness.start('one');
    harness.world.take('call').answer({});
    await quiet();
    expect(spans().map((span) => span.spanContext().traceId)).toEqual(
      [run, run].map((id) => id.replaceAll('-', '')),
    );
  });
});

describe('without an SDK', () => {
  it('nobody is traced, and systems are told nothing', async () => {
    expect(isTraced(trace.getTracer('nobody'))).toBe(false);
    expect(isTraced(traced().tracer)).toBe(true);
    const harness = await EngineHarness.open({ observer: watching() });
    await harness.deploy('workflow: one\ntasks:\n  look: { action: world.look }\n');
    await harness.start('one');
    expect(harness.world.take('call').context.trace).toBeUndefined();
  });
});
