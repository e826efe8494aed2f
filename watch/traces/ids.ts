/**
 * Ids of traces and spans, derived from what names the work in the journal. So every node says the
 * same of a run, before and after a crash or a take-over, and nothing has to be stored:
 *
 *   trace  the id of the run at the top, a UUID: 16 bytes, as a trace id has
 *   span   8 bytes of a hash: of the run's id, or of the attempt's key
 *
 * The last 7 bytes of a UUIDv7 are chance, which is what samplers by ratio look at.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { WatchedRun } from '../../engine/observer.ts';
import type { ParentTask } from '../../model/run.ts';

export interface SpanName {
  readonly traceId: string;
  readonly spanId: string;
}

function spanIdOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function traceIdOf(run: string, parent: ParentTask | undefined): string {
  return (parent?.root ?? parent?.run ?? run).replaceAll('-', '').toLowerCase();
}

export function runSpan({ id, parent }: WatchedRun): SpanName {
  return { traceId: traceIdOf(id, parent), spanId: spanIdOf(id) };
}

export function attemptSpan(run: WatchedRun, task: string, attempt: number): SpanName {
  const key = `${run.id}:${task}:${attempt}`;
  return { traceId: traceIdOf(run.id, run.parent), spanId: spanIdOf(key) };
}

/** The attempt of the parent's task that started the run. */
export function parentSpan({ id, parent }: WatchedRun): SpanName | undefined {
  if (parent === undefined) return undefined;
  const key = `${parent.run}:${parent.task}:${parent.attempt}`;
  return { traceId: traceIdOf(id, parent), spanId: spanIdOf(key) };
}

/** For the SDK: the ids of the span that is being started; chance for spans that are not ours. */
export class SpanNames {
  #current: SpanName | undefined;

  as<T>(name: SpanName, start: () => T): T {
    this.#current = name;
    try {
      return start();
    } finally {
      this.#current = undefined;
    }
  }

  readonly generateTraceId = (): string =>
    this.#current?.traceId ?? randomBytes(16).toString('hex');
  readonly generateSpanId = (): string => this.#current?.spanId ?? randomBytes(8).toString('hex');
}
