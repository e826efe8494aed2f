/**
 * What a workflow can use: the systems of this installation (names and kinds only: their
 * configuration may hold secrets) and the actions of the connectors, with JSON Schemas.
 */
import { z } from 'zod';
import type { ActionDescription } from '../../model/action.ts';
import type { JsonObject } from '../../model/json.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { ActionView } from '../../protocol/catalogue.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const document = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  const plain: JsonObject = JSON.parse(JSON.stringify(document));
  return plain;
}

function actionView(action: ActionDescription): ActionView {
  return {
    name: action.name,
    title: action.title,
    description: action.description,
    system: action.system,
    input: schemaOf(action.input, 'input'),
    output: schemaOf(action.output, 'output'),
    examples: action.examples,
  };
}

export function catalogueRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listSystems,
    handler: async () => ({
      items: context.systems.map(({ name, kind }) => ({ name, kind })),
      next: null,
    }),
  });
  app.route({
    ...ROUTES.listActions,
    handler: async () => ({ items: context.actions.map(actionView), next: null }),
  });
}
