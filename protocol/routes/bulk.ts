/** Commands on many runs: count, begin, watch, stop. */
import {
  bulkCountSchema,
  bulkParamsSchema,
  bulkQuerySchema,
  bulkRequestSchema,
  pageQuerySchema,
} from '../request.ts';
import { bulkCountAnswerSchema, bulkPageSchema, bulkViewSchema } from '../wire.ts';
import { READING, routes } from './route.ts';

const tags = ['bulk'] as const;

export const BULK_ROUTES = routes({
  countBulk: {
    method: 'POST',
    url: '/bulk/count',
    schema: {
      tags,
      summary: 'Count the runs that a filter finds',
      description: 'It counts to 100,000, the most that one bulk command is for.',
      body: bulkCountSchema,
      response: { 200: bulkCountAnswerSchema },
    },
    refusals: READING,
  },
  beginBulk: {
    method: 'POST',
    url: '/bulk',
    schema: {
      tags,
      summary: 'Begin a command on every run that a filter finds',
      description:
        'The runs are those of this moment. With `expected` it is refused when the filter finds another number.',
      body: bulkRequestSchema,
      response: { 202: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.miscounted', 'bulk.too-many', 'node.stopping', 'node.fenced'],
  },
  listBulks: {
    method: 'GET',
    url: '/bulk',
    schema: {
      tags,
      summary: 'List commands on many runs, the newest first',
      querystring: pageQuerySchema,
      response: { 200: bulkPageSchema },
    },
    refusals: READING,
  },
  getBulk: {
    method: 'GET',
    url: '/bulk/:bulk',
    schema: {
      tags,
      summary: 'Look how far a command on many runs is',
      description: 'With `wait` it answers as soon as it is farther than `after`.',
      params: bulkParamsSchema,
      querystring: bulkQuerySchema,
      response: { 200: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.unknown'],
  },
  cancelBulk: {
    method: 'POST',
    url: '/bulk/:bulk/cancel',
    schema: {
      tags,
      summary: 'Stop a command on many runs; what is done stays done',
      params: bulkParamsSchema,
      response: { 200: bulkViewSchema },
    },
    refusals: [...READING, 'bulk.unknown', 'node.stopping', 'node.fenced'],
  },
});
