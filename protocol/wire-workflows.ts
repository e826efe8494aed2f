/** What travels over HTTP about workflows: their versions, and what reading and deploying a file gave. */
import { z } from 'zod';
import type { Definition } from '../model/definition.ts';
import type { Problem } from '../model/errors.ts';
import type { By } from '../model/run.ts';
import { bySchema, count, exact, instant, page, problemSchema, text } from './wire.ts';

export interface WorkflowSummary {
  readonly name: string;
  readonly title: string | null;
  readonly owner: string | null;
  readonly version: number;
  readonly deployedAt: number;
}
export const workflowSummarySchema = exact<WorkflowSummary>('WorkflowSummary', {
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
export const versionSummarySchema = exact<VersionSummary>('VersionSummary', version);
export interface VersionView extends VersionSummary {
  readonly source: string;
  /** The lowered form that the kernel runs; see `definition.ts`. */
  readonly definition: Definition;
}
const definitionSchema: z.ZodType<Definition> = z.any();
export const versionViewSchema = exact<VersionView>('Version', {
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

/** `workflow`: whose own it is; null for a shared one. */
export interface PoolView {
  readonly pool: string;
  readonly workflow: string | null;
  readonly slots: number;
  readonly used: number;
  readonly title: string | null;
  readonly owner: string | null;
  /** 0: declared by workflows of before, and no document. */
  readonly version: number;
  readonly sharedBy: readonly string[];
}
export const poolViewSchema = exact<PoolView>('Pool', {
  pool: text,
  workflow: text.nullable(),
  slots: count,
  used: count,
  title: text.nullable(),
  owner: text.nullable(),
  version: count,
  sharedBy: z.array(text),
});

export interface Validated {
  readonly valid: boolean;
  readonly workflow: string | null;
  readonly problems: readonly Problem[];
}
export const validatedSchema = exact<Validated>('Validated', {
  valid: z.boolean(),
  workflow: text.nullable(),
  problems: z.array(problemSchema),
});

export const workflowPageSchema = page('WorkflowPage', workflowSummarySchema);
export const versionListSchema = page('VersionList', versionSummarySchema);
export const poolListSchema = page('PoolList', poolViewSchema);
