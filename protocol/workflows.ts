/** Workflow files and their versions: deploy, validate, list, read. */
import { z } from 'zod';
import { COUNT_MAX } from '../model/bounds.ts';
import type { Definition } from '../model/definition.ts';
import type { Problem } from '../model/errors.ts';
import type { By } from '../model/run.ts';
import { problemSchema } from './problem.ts';
import { name, pageQuerySchema, reason } from './question.ts';
import { BODY_MAX_BYTES, READING, routes } from './route.ts';
import { bySchema, count, exact, instant, page, text } from './schema.ts';
import { directory, EXAMPLE_FILE, file, source } from './source.ts';

const deployRequestSchema = z
  .strictObject({
    source,
    file: file.optional(),
    directory: directory.optional(),
    reason: reason.optional(),
  })
  .meta({ id: 'DeployRequest', examples: [{ source: EXAMPLE_FILE, file: 'hello.yaml' }] });

const validateRequestSchema = z
  .strictObject({ source, file: file.optional() })
  .meta({ id: 'ValidateRequest', examples: [{ source: EXAMPLE_FILE }] });

const workflowParamsSchema = z.object({ name });
const versionParamsSchema = z.object({
  name,
  version: z.coerce.number<number>().int().positive().max(COUNT_MAX),
});

export interface WorkflowSummary {
  readonly name: string;
  readonly title: string | null;
  readonly owner: string | null;
  readonly version: number;
  readonly deployedAt: number;
}
const workflowSummarySchema = exact<WorkflowSummary>('WorkflowSummary', {
  name: text,
  title: text.nullable(),
  owner: text.nullable(),
  version: count,
  deployedAt: instant,
});

export interface VersionSummary {
  readonly workflow: string;
  readonly version: number;
  readonly directory: string;
  readonly deployedAt: number;
  readonly by: By;
}
const version = {
  workflow: text,
  version: count,
  directory: text,
  deployedAt: instant,
  by: bySchema,
};
const versionSummarySchema = exact<VersionSummary>('VersionSummary', version);
export interface VersionView extends VersionSummary {
  readonly source: string;
  /** The lowered form that the kernel runs; see `definition.ts`. */
  readonly definition: Definition;
}
const definitionSchema: z.ZodType<Definition> = z.any();
const versionViewSchema = exact<VersionView>('Version', {
  ...version,
  source: text,
  definition: definitionSchema,
});

/** What the file holds: a workflow, or a pool that workflows share. */
export interface Deployed {
  readonly workflow?: string;
  readonly pool?: string;
  readonly version: number;
  /** False when the newest version says the same already. */
  readonly changed: boolean;
}
export const deployedSchema = exact<Deployed>('Deployed', {
  workflow: text.exactOptional(),
  pool: text.exactOptional(),
  version: count,
  changed: z.boolean(),
});

export interface Validated {
  readonly valid: boolean;
  readonly workflow: string | null;
  readonly problems: readonly Problem[];
}
const validatedSchema = exact<Validated>('Validated', {
  valid: z.boolean(),
  workflow: text.nullable(),
  problems: z.array(problemSchema),
});

const workflowPageSchema = page('WorkflowPage', workflowSummarySchema);
const versionListSchema = page('VersionList', versionSummarySchema);

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
  validateWorkflow: {
    method: 'POST',
    url: '/validate',
    bodyLimit: BODY_MAX_BYTES,
    schema: {
      tags,
      summary: 'Check a workflow file without keeping it',
      description: 'The answer is 200 also for a file with errors: it lists all of them.',
      body: validateRequestSchema,
      response: { 200: validatedSchema },
    },
    refusals: [],
  },
});
