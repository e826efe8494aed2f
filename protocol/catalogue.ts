/** What a workflow can use: the systems of this installation, the actions of its connectors. */
import { z } from 'zod';
import type { ActionDescription } from '../model/action.ts';
import type { JsonObject } from '../model/json.ts';
import { routes } from './route.ts';
import { exact, jsonObjectSchema, page, text } from './schema.ts';

export interface SystemSummary {
  readonly name: string;
  readonly kind: string;
}
const systemSummarySchema = exact<SystemSummary>('System', { name: text, kind: text });
const systemListSchema = page('SystemList', systemSummarySchema);

export interface ActionView {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly system: 'required' | 'optional' | 'none';
  /** JSON Schemas. */
  readonly input: JsonObject;
  readonly output: JsonObject;
  readonly examples: ActionDescription['examples'];
}
const examplesSchema: z.ZodType<ActionDescription['examples']> = z.any();
const actionViewSchema = exact<ActionView>('Action', {
  name: text,
  title: text,
  description: text,
  system: z.enum(['required', 'optional', 'none']),
  input: jsonObjectSchema,
  output: jsonObjectSchema,
  examples: examplesSchema,
});
const actionListSchema = page('ActionList', actionViewSchema);

export const CATALOGUE_ROUTES = routes({
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
});
