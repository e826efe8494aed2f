/**
 * Workflows and their versions: list, read, deploy, validate.
 */
import { TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { VersionView } from '../../protocol/workflows.ts';
import { byOf } from '../actor.ts';
import type { App } from '../app.ts';
import type { ApiContext } from '../context.ts';

async function readVersion(
  context: ApiContext,
  name: string,
  version: number | null,
): Promise<VersionView> {
  const row = await context.versions.version(name, version);
  if (row !== null) return row;
  if (version !== null && (await context.versions.version(name, null)) !== null) {
    throw new TuttiError('version.unknown', `Workflow ${name} has no version ${version}.`);
  }
  throw new TuttiError('workflow.unknown', `There is no workflow ${JSON.stringify(name)}.`);
}

export function workflowRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listWorkflows,
    handler: async (request) =>
      context.views.workflows(request.query.after ?? null, request.query.limit),
  });

  app.route({
    ...ROUTES.getWorkflow,
    handler: async (request) => readVersion(context, request.params.name, null),
  });

  app.route({
    ...ROUTES.listVersions,
    handler: async (request) => {
      const { name } = request.params;
      const { after, limit } = request.query;
      const page = await context.views.versions(name, after ?? null, limit);
      if (page.items.length === 0) await readVersion(context, name, null);
      return page;
    },
  });

  app.route({
    ...ROUTES.getVersion,
    handler: async (request) => readVersion(context, request.params.name, request.params.version),
  });
  writingRoutes(app, context);
}

function writingRoutes(app: App, context: ApiContext): void {
  app.route({
    ...ROUTES.listPools,
    handler: async () => {
      const pools = await context.versions.pools();
      const items = pools.map(({ name, capacity, ...pool }) => ({
        ...pool,
        pool: name.slice(name.indexOf('/') + 1),
        slots: capacity,
      }));
      return { items, next: null };
    },
  });

  app.route({
    ...ROUTES.deployWorkflow,
    handler: async (request, reply) => {
      const { source, file, directory, reason } = request.body;
      const answer = await deploy(context, { source, file, directory }, byOf(request, reason));
      return reply.code(answer.changed ? 201 : 200).send(answer);
    },
  });

  app.route({
    ...ROUTES.validateWorkflow,
    handler: async (request) => context.validate(request.body.source, request.body.file),
  });
}

interface Source {
  readonly source: string;
  readonly file?: string | undefined;
  readonly directory?: string | undefined;
}

/** Throws `workflow.invalid` with every mistake. */
export async function deploy(context: ApiContext, source: Source, by: ReturnType<typeof byOf>) {
  const answer = await context.door.deployments.deploy({
    source: source.source,
    ...(source.file === undefined ? {} : { file: source.file }),
    ...(source.directory === undefined ? {} : { directory: source.directory }),
    by,
  });
  if (answer.refused) {
    const name = source.file ?? 'The workflow';
    const many = answer.problems.length === 1 ? 'a mistake' : `${answer.problems.length} mistakes`;
    throw new TuttiError('workflow.invalid', `${name} has ${many}.`, { problems: answer.problems });
  }
  const { refused: _, ...deployed } = answer;
  return deployed;
}
