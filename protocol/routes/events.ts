/** The stream of events of all runs. */
import { streamedEventSchema, streamQuerySchema } from '../stream.ts';
import { READING, routes } from './route.ts';

export const EVENT_ROUTES = routes({
  streamEvents: {
    method: 'GET',
    url: '/events',
    schema: {
      tags: ['events'],
      summary: 'Follow the events of all runs, or of one',
      description:
        'Server-sent events, in an order that never changes. Of all runs it begins now; with `run` it begins with the ' +
        'first event of that run. Reconnect with the `id` of the last event seen, in the header Last-Event-ID or as ' +
        '`lastEventId`: it goes on right after it, without loss or repetition, at any node. Comments keep the ' +
        'connection alive; a frame that has an `id` and no data only moves the place to resume from.',
      querystring: streamQuerySchema,
      response: { 200: streamedEventSchema },
    },
    stream: streamedEventSchema,
    refusals: [...READING, 'feed.gone', 'run.unknown', 'stream.full', 'node.stopping'],
  },
});
