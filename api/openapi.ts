/**
 * The OpenAPI document. The schemas come from zod by way of @fastify/swagger; what is added here
 * comes from the table of routes: names of operations, refusals by status, headers, and a list of
 * schemas that holds only those that the document refers to.
 */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { bug, CATALOGUE } from '../model/errors.ts';
import type { Json, JsonObject } from '../model/json.ts';
import { type Operation, OPERATIONS, pathOf } from '../protocol/routes.ts';
import { refusalsOf, type Route, TAGS } from '../protocol/route.ts';
import { COOKIE } from './gate.ts';
import type { App } from './app.ts';

const DESCRIPTION = `Runs, the commands of operators, workflows and events.

Every refusal is a problem document (RFC 9457, \`application/problem+json\`) with a \`code\`, a sentence, and what to do next.
Lists are pages: give \`next\` as \`after\` to read on. Objects may gain fields: ignore those that you do not know.`;

/** The part of a document that is worked on; the rest passes through. */
interface Draft {
  readonly paths: Record<string, Record<string, OperationDraft>>;
  readonly components: {
    schemas: Record<string, JsonObject>;
    parameters?: Record<string, JsonObject>;
    securitySchemes?: Record<string, JsonObject>;
  };
  security?: JsonObject[];
}
interface OperationDraft {
  operationId?: string;
  parameters?: JsonObject[];
  security?: JsonObject[];
  requestBody?: { required?: boolean };
  responses: Record<string, Answer>;
}
type Answer = Record<string, Json>;

const HEADERS: Record<string, JsonObject> = {
  Actor: {
    name: 'X-Tutti-Actor',
    in: 'header',
    required: false,
    schema: { type: 'string', maxLength: 200 },
    description:
      'Name of the person who acts, percent-encoded; recorded in the event. Accepted from callers with the token of the data folder.',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    schema: { type: 'string', minLength: 1, maxLength: 200 },
    description: 'A request with a key is executed once; a repeated request gets the same answer.',
  },
};
const SECURITY: Record<string, JsonObject> = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The token of the data folder, or the token of a job, which gives access to the run of that job only.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: COOKIE,
    description: 'The session of a browser that opened the link of `tutti open`.',
  },
};
const LOCATION: JsonObject = {
  Location: { description: 'Where it stands', schema: { type: 'string' } },
};
const GOOD: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Begun',
  503: 'The node cannot work now; the answer says why',
};

export async function describe(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tutti',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    transform: jsonSchemaTransform,
    transformObject: (given) => {
      const document = jsonSchemaTransformObject(given);
      // Its own types lag behind 3.1; a validator checks the result in a test.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      complete(document as unknown as Draft);
      return document;
    },
  });
}

function complete(draft: Draft): void {
  for (const [operation, route] of OPERATIONS) {
    const path = pathOf(route).replaceAll(/:(\w+)/g, '{$1}');
    const drafted = draft.paths[path]?.[route.method.toLowerCase()];
    if (drafted !== undefined) completeOperation(drafted, operation, route);
  }
  draft.components.parameters = HEADERS;
  draft.components.securitySchemes = SECURITY;
  draft.security = Object.keys(SECURITY).map((name) => ({ [name]: [] }));
  draft.components.schemas = tidied(draft);
}

function completeOperation(drafted: OperationDraft, operation: Operation, route: Route): void {
  drafted.operationId = operation;
  if (route.open === true) drafted.security = [];
  if (route.method === 'POST') {
    const headers = Object.keys(HEADERS).map((name) => ({
      $ref: `#/components/parameters/${name}`,
    }));
    drafted.parameters = [...(drafted.parameters ?? []), ...headers];
  }
  if (drafted.requestBody !== undefined) {
    drafted.requestBody.required = route.schema.body?.safeParse(undefined).success !== true;
  }
  for (const [status, answer] of Object.entries(drafted.responses)) {
    answer['description'] = GOOD[status] ?? 'Done';
    if (status === '201' || status === '202') answer['headers'] = LOCATION;
  }
  if (route.stream !== undefined) streaming(drafted.responses, route.stream);
  Object.assign(drafted.responses, problems(route));
}

function streaming(responses: Record<string, Answer>, event: z.ZodType): void {
  const name = z.globalRegistry.get(event)?.id ?? bug('the events of a stream have no name');
  responses[200] = {
    description:
      'A stream of server-sent events. The schema is that of the `data` of each of them; `id` is the place to resume from.',
    content: { 'text/event-stream': { schema: { $ref: `#/components/schemas/${name}` } } },
  };
}

function problems(route: Route): Record<string, Answer> {
  const byStatus = new Map<number, string[]>();
  for (const code of refusalsOf(route)) {
    const { status, title } = CATALOGUE[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${title}`]);
  }
  const content = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
  return Object.fromEntries(
    [...byStatus]
      .filter(([status]) => route.schema.response[status] === undefined)
      .map(([status, lines]) => [status, { description: lines.join('\n\n'), content }]),
  );
}

const SCHEMA_REFERENCE = /"#\/components\/schemas\/([^"]+)"/g;

/** Only what is referred to; `XInput` is called `X` where there is no other. */
function tidied(draft: Draft): Record<string, JsonObject> {
  const { schemas } = draft.components;
  const used = new Set<string>();
  const collect = (value: unknown) => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(SCHEMA_REFERENCE)) {
      if (used.has(name)) continue;
      used.add(name);
      collect(schemas[name] ?? {});
    }
  };
  collect(draft.paths);
  const nameOf = (name: string) => {
    const short = name.replace(/Input$/, '');
    return used.has(short) ? name : short;
  };
  const renamed = <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value).replaceAll(
        SCHEMA_REFERENCE,
        (_, name: string) => `"#/components/schemas/${nameOf(name)}"`,
      ),
    );
  for (const [path, item] of Object.entries(draft.paths)) draft.paths[path] = renamed(item);
  const kept = [...used].filter((name) => schemas[name] !== undefined).toSorted();
  return Object.fromEntries(kept.map((name) => [nameOf(name), renamed(schemas[name] ?? {})]));
}
