/**
 * One request and its answer. What is asked is checked with the schemas of the route before it is
 * sent, what is answered before it is believed.
 *
 * A request is repeated only where that cannot do anything twice: it reads, it has an
 * Idempotency-Key, or no connection came about.
 */
import type { z } from 'zod';
import { TuttiError } from '../../model/errors.ts';
import { pathOf } from '../routes.ts';
import type { Route } from '../route.ts';
import { problemDocumentSchema } from '../problem.ts';
import { ApiRefusal, NoAnswer } from './refusal.ts';

export interface ClientOptions {
  /** `http://127.0.0.1:7700` */
  readonly url: string;
  readonly fetch: typeof fetch;
  /** Ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Of the data folder, or of a job. A browser has none: its session is a cookie. */
  readonly token?: string | undefined;
  /** Who acts, kept with the events that a command causes; the server asks the token for the right. */
  readonly actor?: string | undefined;
  /** With every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * There was no answer to a request that may be repeated, `attempt` (1, 2…) times so far. Waits
   * as it likes and says where to ask again: there, or where another took its place; null: nowhere.
   */
  readonly again?: (attempt: number, signal: AbortSignal | undefined) => Promise<string | null>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The command is carried out once, however often it is sent with this key. */
  readonly idempotencyKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Parameters of path, query and body in one object: no route has one name in two of them. */
export type ApiRequest = Readonly<Record<string, unknown>>;

export class Exchange {
  url: string;
  readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.options = options;
  }

  async call(route: Route, request: ApiRequest, call: CallOptions): Promise<unknown> {
    const sending = partsOf(route, request);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(route, sending, call);
      } catch (error) {
        if (!(error instanceof NoAnswer && mayRepeat(route, call, error))) throw error;
        await this.findAgain(error, attempt, call.signal);
      }
    }
  }

  /** Throws the error when there is nowhere to ask again. */
  async findAgain(error: NoAnswer, attempt: number, signal: AbortSignal | undefined) {
    const url = (await this.options.again?.(attempt, signal)) ?? null;
    if (url === null) throw error;
    this.url = url.replace(/\/+$/, '');
  }

  async #once(route: Route, sending: Parts, call: CallOptions): Promise<unknown> {
    const response = await this.send(route, sending, call);
    const { url } = this;
    const text = await response.text().catch((error: unknown) => {
      if (call.signal?.aborted === true) throw error;
      throw new NoAnswer(url, error);
    });
    const schema = route.schema.response[response.status];
    if (schema === undefined) throw refusalOf(text, response.status, url);
    const read = schema.safeParse(parsed(text));
    if (read.success) return read.data;
    throw new TuttiError('server.unreachable', `${url} does not answer like Tutti.`);
  }

  async send(route: Route, { path, body }: Parts, call: CallOptions): Promise<Response> {
    const { url } = this;
    const { signal } = call;
    try {
      // A method called on its options would not be a plain function any more: browsers refuse that.
      const { fetch } = this.options;
      return await fetch(`${url}${path}`, {
        method: route.method,
        headers: this.#headers(route, call, body),
        redirect: 'error',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw new NoAnswer(url, error);
    }
  }

  #headers(route: Route, call: CallOptions, body: unknown): Record<string, string> {
    const { token, actor, headers } = this.options;
    const { idempotencyKey: key } = call;
    return {
      accept: route.stream === undefined ? 'application/json' : 'text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(actor === undefined ? {} : { 'x-tutti-actor': encodeURIComponent(actor) }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
      ...call.headers,
    };
  }
}

function mayRepeat(route: Route, call: CallOptions, error: NoAnswer): boolean {
  return route.method === 'GET' || call.idempotencyKey !== undefined || error.arrived === 'no';
}

interface Parts {
  /** With the query. */
  readonly path: string;
  readonly body: unknown;
}

/** Throws `request.invalid` when the server would refuse it. */
export function partsOf(route: Route, request: ApiRequest): Parts {
  const { params, querystring, body: bodySchema } = route.schema;
  const rest: Record<string, unknown> = { ...request };
  const take = (schema: z.ZodObject | undefined) => {
    const taken: Record<string, unknown> = {};
    for (const name of Object.keys(schema?.shape ?? {})) {
      if (rest[name] !== undefined) taken[name] = rest[name];
      delete rest[name];
    }
    schema?.parse(taken);
    return taken;
  };
  try {
    const inPath = take(params);
    const query = take(querystring);
    const isEmpty = Object.values(rest).every((value) => value === undefined);
    const body = isEmpty ? undefined : rest;
    if (bodySchema !== undefined) bodySchema.parse(body);
    else if (!isEmpty) throw new Error(`There is no parameter ${Object.keys(rest).join(', ')}.`);
    const path = pathOf(route).replaceAll(/:(\w+)/g, (_, name: string) =>
      encodeURIComponent(String(inPath[name])),
    );
    return { path: path + search(query), body };
  } catch (error) {
    throw invalid(error);
  }
}

function invalid(error: unknown): TuttiError {
  const issues: readonly { path: PropertyKey[]; message: string }[] =
    error instanceof Error && 'issues' in error && Array.isArray(error.issues) ? error.issues : [];
  const problems = issues.map(({ path, message }) => ({
    code: 'request.invalid',
    message,
    ...(path.length === 0 ? {} : { path: path.map(String).join('.') }),
  }));
  const words = problems.map((one) =>
    'path' in one ? `${one.path}: ${one.message}` : one.message,
  );
  const detail = words.join('; ') || (error instanceof Error ? error.message : String(error));
  return new TuttiError('request.invalid', detail, { problems });
}

function search(query: ApiRequest): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function refusalOf(text: string, status: number, url: string): Error {
  const read = problemDocumentSchema.safeParse(parsed(text));
  if (read.success) return new ApiRefusal(read.data);
  return new TuttiError('server.unreachable', `${url} answered ${status}, not like Tutti.`);
}
