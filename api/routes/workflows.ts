/**
 * Workflows and their versions: list, read, deploy, validate.
 */
import { TuttiError } from '../../model/errors.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { VersionView } from '../../protocol/workflows.ts';
import { byOf } from '../actor.ts';
import type { App, Room } from '../house.ts';

export async function readVersion(
  room: Room,
  name: string,
  version: number | null,
): Promise<VersionView> {
  const row = await room.versions.version(name, version);
  if (row !== null) return row;
  if (version !== null && (await room.versions.version(name, null)) !== null) {
    throw new TuttiError('version.unknown', `Workflow ${name} has no version ${version}.`);
  }
  throw new TuttiError('workflow.unknown', `There is no workflow ${JSON.stringify(name)}.`);
}

export function workflowRoutes(app: App, room: Room): void {
  app.route({
    ...ROUTES.listWorkflows,
    handler: async (request) =>
      room.views.workflows(request.query.after ?? null, request.query.limit),
  });

  app.route({
    ...ROUTES.getWorkflow,
    handler: async (request) => readVersion(room, request.params.name, null),
  });

  app.route({
    ...ROUTES.listVersions,
    handler: async (request) => {
      const { name } = request.params;
      const { after, limit } = request.query;
      const page = await room.views.versions(name, after ?? null, limit);
      if (page.items.length === 0) await readVersion(room, name, null);
      return page;
    },
  });

  app.route({
    ...ROUTES.getVersion,
    handler: async (request) => readVersion(room, request.params.name, request.params.version),
  });
  writingRoutes(app, room);
}

function writingRoutes(app: App, room: Room): void {
  app.route({
    ...ROUTES.listPools,
    handler: async () => {
      const pools = await room.versions.pools();
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
      const answer = await deploy(room, { source, file, directory }, byOf(request, reason));
      return reply.code(answer.changed ? 201 : 200).send(answer);
    },
  });

  app.route({
    ...ROUTES.validateWorkflow,
    handler: async (request) => room.validate(request.body.source, request.body.file),
  });
}

interface Source {
  readonly source: string;
  readonly file?: string | undefined;
  readonly directory?: string | undefined;
}

/** Throws `workflow.invalid` with every mistake. */
export async function deploy(room: Room, source: Source, by: ReturnType<typeof byOf>) {
  const answer = await room.door.deploy({
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
