/** The stream of events: what is asked, and its headers. The rest is `stream/`. */
import { Readable } from 'node:stream';
import { TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';
import { readStreamCursor } from '../stream/stream-cursor.ts';
import { unknownRun } from './runs.ts';

export function eventRoutes(app: App, context: ApiContext): void {
  const { schema } = ROUTES.streamEvents;
  app.route({
    ...ROUTES.streamEvents,
    // What it answers is described by the table, but it is text on its way and not one value.
    schema: { ...schema, response: {} },
    handler: async (request, reply) => {
      const { run, workflow, types, lastEventId } = request.query;
      const header = request.headers['last-event-id'];
      if (Array.isArray(header))
        throw new TuttiError('request.invalid', 'Send one Last-Event-ID header only.');
      const asked = header || lastEventId;
      const cursor = asked === undefined ? null : readStreamCursor(asked);
      // What is no place of this feed is refused before the stream begins.
      if (cursor !== null) await context.views.feed(cursor.position, 1);
      if (run !== undefined && (await context.views.run(run)) === null) throw unknownRun(run);
      const text = await context.streams.open({ run, workflow, types, cursor }, reply.raw);
      return (
        reply
          .header('content-type', 'text/event-stream; charset=utf-8')
          .header('cache-control', 'no-cache, no-transform')
          .header('x-accel-buffering', 'no')
          // Nothing follows a stream; an idle connection would keep a closing server waiting.
          .header('connection', 'close')
          .send(Readable.from(text, { objectMode: false, highWaterMark: 0 }))
      );
    },
  });
}
