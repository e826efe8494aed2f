/** Retention: begin, watch, stop. */
import { pageQuerySchema, waitedPortionSchema } from '../request.ts';
import {
  retentionPageSchema,
  retentionParamsSchema,
  retentionRequestSchema,
  retentionViewSchema,
} from '../retention.ts';
import { READING, routes } from './route.ts';

const tags = ['retention'] as const;

export const RETENTION_ROUTES = routes({
  beginRetention: {
    method: 'POST',
    url: '/retention',
    schema: {
      tags,
      summary: 'Delete what is over by its age, or count it',
      description:
        'Only families of runs of which every one is over and old enough. It works in portions behind the answer, and ' +
        'goes on at another node when this one ends. Without `apply` it counts, and deletes nothing.',
      body: retentionRequestSchema,
      response: { 202: retentionViewSchema },
    },
    refusals: [...READING, 'retention.archive', 'node.stopping', 'node.fenced'],
  },
  listRetentions: {
    method: 'GET',
    url: '/retention',
    schema: {
      tags,
      summary: 'List what was deleted by its age, the newest first',
      querystring: pageQuerySchema,
      response: { 200: retentionPageSchema },
    },
    refusals: READING,
  },
  getRetention: {
    method: 'GET',
    url: '/retention/:retention',
    schema: {
      tags,
      summary: 'Look how far a retention is',
      description: 'With `wait` it answers as soon as more portions than `after` are done.',
      params: retentionParamsSchema,
      querystring: waitedPortionSchema,
      response: { 200: retentionViewSchema },
    },
    refusals: [...READING, 'retention.unknown'],
  },
  cancelRetention: {
    method: 'POST',
    url: '/retention/:retention/cancel',
    schema: {
      tags,
      summary: 'Stop a retention after its present portion; what is deleted stays deleted',
      params: retentionParamsSchema,
      response: { 200: retentionViewSchema },
    },
    refusals: [...READING, 'retention.unknown'],
  },
});
