/**
 * Following a run: its events and its log, each read on from a cursor, each able to wait for more.
 *
 * The status is read before the events or the log. So when an answer says that the run has ended
 * and nothing is left, nothing can have come in between: a follower may stop.
 */
import { ROUTES } from '../../protocol/routes.ts';
import { RUN_IS_OVER, type RunStatus } from '../../model/run.ts';
import type { EventBatch, EventView } from '../../protocol/events.ts';
import type { LogBatch } from '../../protocol/logs.ts';
import type { EventRow } from '../../journal/append.ts';
import type { LogFilter, StoredLogChunk } from '../../journal/logs.ts';
import type { JsonObject } from '../../model/json.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { afterMs } from '../long-poll.ts';
import { Wait } from '../../model/wait-for.ts';
import { unknownRun } from './runs.ts';

function eventView(row: EventRow): EventView {
  const data: JsonObject = JSON.parse(row.data);
  return {
    seq: row.seq,
    at: row.at,
    type: row.type,
    task: row.task,
    attempt: row.attempt,
    end: row.end,
    data,
  };
}

async function statusOf(context: ApiContext, run: string): Promise<RunStatus> {
  const summary = await context.views.run(run);
  if (summary === null) throw unknownRun(run);
  return summary.status;
}

/** Asked for at once: events are small, as a rule, but whatever came before, each may have 256 kB. */
const ASKED_AT_ONCE = 50;
const PAGE_CHARACTERS = 4_000_000;

async function readEvents(
  context: ApiContext,
  run: string,
  after: number,
  limit: number,
): Promise<EventBatch> {
  const status = await statusOf(context, run);
  const rows: EventRow[] = [];
  let characters = 0;
  let more = true;
  while (more && rows.length < limit && characters < PAGE_CHARACTERS) {
    const most = Math.min(limit - rows.length, ASKED_AT_ONCE);
    const found = await context.views.events(run, rows.at(-1)?.seq ?? after, most);
    for (const row of found) {
      rows.push(row);
      characters += row.data.length;
    }
    more = found.length === most;
  }
  return { status, events: rows.map(eventView), next: rows.at(-1)?.seq ?? after, more };
}

function logChunk(row: StoredLogChunk): LogBatch['chunks'][number] {
  const { task, attempt, position, stream, at, text } = row;
  return { task, attempt, position, stream, at, text };
}

async function readLogs(context: ApiContext, filter: LogFilter): Promise<LogBatch> {
  const status = await statusOf(context, filter.run);
  const page = await context.views.logs(filter);
  return {
    status,
    chunks: page.items.map(logChunk),
    next: page.next ?? filter.after ?? null,
    more: page.more,
  };
}

/** Looks whenever this node has written of the run, and now and then for what other nodes write. */
async function whenever(
  context: ApiContext,
  run: string,
  signal: AbortSignal,
  test: () => Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    // Listening begins before the look: what is written meanwhile is heard.
    const written = (wake: () => void) => context.door.news.onWritten(run, wake);
    const turn = new Wait(signal, afterMs(context.logPollMs), written);
    try {
      if (await test()) return;
      await turn.over;
    } finally {
      turn.end();
    }
  }
}

export function followingRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.readEvents,
    handler: async (request, reply) => {
      const { run } = request.params;
      const { after, limit, wait = 0 } = request.query;
      const batch = await readEvents(context, run, after, limit);
      if (batch.events.length > 0 || wait === 0 || RUN_IS_OVER.has(batch.status)) return batch;
      await context.polls.wait(reply, wait, (signal) =>
        context.door.runs.changed(run, after, signal),
      );
      return readEvents(context, run, after, limit);
    },
  });

  app.route({
    ...ROUTES.readLogs,
    handler: async (request, reply) => {
      const { task, attempt, after, limit, wait = 0 } = request.query;
      const filter: LogFilter = {
        run: request.params.run,
        limit,
        ...(task === undefined ? {} : { task }),
        ...(attempt === undefined ? {} : { attempt }),
        ...(after === undefined ? {} : { after }),
      };
      let batch = await readLogs(context, filter);
      const isNews = () => batch.chunks.length > 0 || RUN_IS_OVER.has(batch.status);
      if (wait === 0 || isNews()) return batch;
      await context.polls.wait(reply, wait, (signal) =>
        whenever(context, filter.run, signal, async () => {
          batch = await readLogs(context, filter);
          return isNews();
        }),
      );
      return batch;
    },
  });
}
