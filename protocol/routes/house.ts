/** What a workflow can use, and how this process is. */
import { healthSchema } from '../health.ts';
import { actionListSchema, nodeListSchema, systemListSchema } from '../wire.ts';
import { READING, routes } from './route.ts';

export const HOUSE_ROUTES = routes({
  listSystems: {
    method: 'GET',
    url: '/systems',
    schema: {
      tags: ['catalogue'],
      summary: 'List the systems of this installation; their configuration is not shown',
      response: { 200: systemListSchema },
    },
    refusals: [],
  },
  listActions: {
    method: 'GET',
    url: '/actions',
    schema: {
      tags: ['catalogue'],
      summary: 'List the actions of the connectors, with JSON Schemas',
      response: { 200: actionListSchema },
    },
    refusals: [],
  },
  listNodes: {
    method: 'GET',
    url: '/nodes',
    schema: {
      tags: ['nodes'],
      summary: 'List the nodes that share the database',
      response: { 200: nodeListSchema },
    },
    refusals: READING,
  },
  checkHealth: {
    method: 'GET',
    url: '/healthz',
    outside: true,
    open: true,
    schema: {
      tags: ['health'],
      summary: 'Say that the process lives',
      response: { 200: healthSchema },
    },
    refusals: [],
  },
  checkReadiness: {
    method: 'GET',
    url: '/readyz',
    outside: true,
    open: true,
    schema: {
      tags: ['health'],
      summary: 'Say whether it can work: the database answers and nothing stalls',
      description: 'The status is for anyone; what stalls is told to those who say who they are.',
      response: { 200: healthSchema, 503: healthSchema },
    },
    refusals: [],
  },
});
