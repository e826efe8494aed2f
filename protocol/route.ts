/**
 * What a route is: one row says where it stands, what it is asked with, what it answers and why
 * it may refuse. The server registers the rows, the client has a method for each, the OpenAPI
 * document and the reference are printed from them; so none of these can forget one.
 */
import type { z } from 'zod';
import type { ErrorCode } from '../model/errors.ts';

export const API_PREFIX = '/api/v1';

/** Workflow files come as text inside JSON; a large one has tens of thousands of tasks. */
export const BODY_MAX_BYTES = 32 * 1024 * 1024;

/** The chapters of the API, in the order in which they are read. */
export const TAGS = {
  runs: 'Start runs, list them, look at one, and follow it.',
  events: 'The history of runs, and live streams of events.',
  commands:
    'The commands of an operator. The answer comes after the commit: an accepted command is durable.',
  bulk: 'One command on every run that a filter finds: count, begin, watch, stop.',
  retention: 'Delete what is over by its age, archived before: begin, watch, stop.',
  workflows: 'Workflow files and their versions.',
  catalogue: 'What a workflow can use.',
  nodes: 'The nodes that share the database.',
  access: 'Authentication: the server proves its identity, and a browser signs in.',
  health: 'Of this process; not under a version.',
} as const;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Under `/api/v1`, unless `outside`. Parameters as `:run`. */
  readonly url: string;
  readonly outside?: true;
  /** Asked by anyone, without credentials. */
  readonly open?: true;
  readonly bodyLimit?: number;
  readonly schema: {
    readonly tags: readonly (keyof typeof TAGS)[];
    readonly summary: string;
    readonly description?: string;
    readonly params?: z.ZodObject;
    readonly querystring?: z.ZodObject;
    readonly body?: z.ZodType;
    /** The good answers by status. */
    readonly response: Readonly<Record<number, z.ZodType>>;
  };
  /** A stream of server-sent events: what each of them holds. */
  readonly stream?: z.ZodType<object>;
  /** Besides those of every route. */
  readonly refusals: readonly ErrorCode[];
}

/** What `wait` does, of every route that has it for something that grows. */
export const WAITS =
  'With `wait` it answers as soon as there is something new, else when the time is over.';

/** Keeps the exact type of each row. */
export function routes<const T extends Readonly<Record<string, Route>>>(rows: T): T {
  return rows;
}

/** Every answer comes from the database. */
export const READING = ['database.unavailable', 'database.refuses'] as const;
/** What keeps any command from being carried out. */
export const COMMANDING = [
  ...READING,
  'run.unknown',
  'run.elsewhere',
  'run.set-aside',
  'run.wrong-status',
  'node.stopping',
  'node.fenced',
] as const;

/** The codes that a route may refuse with, those of every route included. */
export function refusalsOf(route: Route): readonly ErrorCode[] {
  const { params, querystring, body } = route.schema;
  const asked = params !== undefined || querystring !== undefined || body !== undefined;
  const codes: ErrorCode[] = [
    ...(asked ? (['request.invalid'] as const) : []),
    'request.foreign',
    ...(route.open === true ? [] : (['auth.required', 'auth.forbidden'] as const)),
    ...(body === undefined ? [] : (['request.too-large', 'server.busy'] as const)),
    ...(route.method === 'POST' ? (['request.differs', 'request.under-way'] as const) : []),
    ...route.refusals,
    'internal',
  ];
  return [...new Set(codes)];
}
