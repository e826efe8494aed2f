/** Workflow files and their versions. */
import {
  deployRequestSchema,
  pageQuerySchema,
  validateRequestSchema,
  versionParamsSchema,
  workflowParamsSchema,
} from '../request.ts';
import {
  deployedSchema,
  poolListSchema,
  validatedSchema,
  versionListSchema,
  versionViewSchema,
  workflowPageSchema,
} from '../wire-workflows.ts';
import { BODY_MAX_BYTES, READING, routes } from './route.ts';

const tags = ['workflows'] as const;

export const WORKFLOW_ROUTES = routes({
  listWorkflows: {
    method: 'GET',
    url: '/workflows',
    schema: {
      tags,
      summary: 'List workflows, each with its newest version',
      querystring: pageQuerySchema,
      response: { 200: workflowPageSchema },
    },
    refusals: READING,
  },
  getWorkflow: {
    method: 'GET',
    url: '/workflows/:name',
    schema: {
      tags,
      summary: 'Read the newest version of a workflow',
      params: workflowParamsSchema,
      response: { 200: versionViewSchema },
    },
    refusals: [...READING, 'workflow.unknown'],
  },
  listVersions: {
    method: 'GET',
    url: '/workflows/:name/versions',
    schema: {
      tags,
      summary: 'List the versions of a workflow, the newest first',
      params: workflowParamsSchema,
      querystring: pageQuerySchema,
      response: { 200: versionListSchema },
    },
    refusals: [...READING, 'workflow.unknown'],
  },
  getVersion: {
    method: 'GET',
    url: '/workflows/:name/versions/:version',
    schema: {
      tags,
      summary: 'Read one version of a workflow',
      params: versionParamsSchema,
      response: { 200: versionViewSchema },
    },
    refusals: [...READING, 'workflow.unknown', 'version.unknown'],
  },
  deployWorkflow: {
    method: 'POST',
    url: '/workflows',
    bodyLimit: BODY_MAX_BYTES,
    schema: {
      tags,
      summary: 'Deploy a file: a workflow, or a pool that workflows share',
      description:
        'Stores it as the next version (201), or answers the newest one that says the same (200).',
      body: deployRequestSchema,
      response: { 200: deployedSchema, 201: deployedSchema },
    },
    refusals: [...READING, 'workflow.invalid', 'node.stopping', 'node.fenced'],
  },
  listPools: {
    method: 'GET',
    url: '/pools',
    schema: {
      tags,
      summary: 'List pools: those that workflows share, and those of one workflow',
      response: { 200: poolListSchema },
    },
    refusals: READING,
  },
  validateWorkflow: {
    method: 'POST',
    url: '/validate',
    bodyLimit: BODY_MAX_BYTES,
    schema: {
      tags,
      summary: 'Check a workflow file without keeping it',
      description: 'A file with mistakes is a good answer here: it lists them all.',
      body: validateRequestSchema,
      response: { 200: validatedSchema },
    },
    refusals: [],
  },
});
