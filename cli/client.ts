/**
 * The client of the HTTP API: one method per route, read with the schemas that the server answers
 * with. Every command of the CLI goes through here, also when the server is this very process.
 */
import type { z } from 'zod';
import { TuttiError } from '../model/errors.ts';
import type {
  BulkBody,
  BulkCountBody,
  DeployBody,
  RestartBody,
  StartBody,
  ValidateBody,
} from '../model/request.ts';
import type { RunSummary, RunView } from '../model/run.ts';
import * as wire from '../model/wire.ts';
import type { ProblemDocument } from '../model/wire.ts';

/** The server said no; it says why. */
export class ApiRefusal extends Error {
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.name = 'ApiRefusal';
    this.problem = problem;
  }
}

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;
interface Call {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export interface ClientOptions {
  /** `http://127.0.0.1:7700` */
  readonly url: string;
  readonly actor: string;
  /** Finds the server again when it is gone: another process may serve the data folder now. */
  readonly reconnect?: () => Promise<string>;
}

export interface RunsQuery {
  readonly workflow?: string | undefined;
  readonly status?: readonly string[] | undefined;
  readonly key?: string | undefined;
  readonly id?: string | undefined;
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}
export interface FollowQuery {
  readonly after: number;
  readonly wait?: string | undefined;
}
export interface LogsQuery {
  readonly task?: string | undefined;
  readonly attempt?: number | undefined;
  readonly after?: string | undefined;
  readonly wait?: string | undefined;
}
export type RunVerb = 'hold' | 'release' | 'cancel';
export type TaskVerb = 'hold' | 'release' | 'skip' | 'rerun' | 'approve' | 'reject';

export class Client {
  #url: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#url = options.url.replace(/\/+$/, '');
    this.#options = options;
  }
  get url(): string {
    return this.#url;
  }

  workflows = (query: { after?: string | undefined } = {}) =>
    this.#get('/workflows', wire.workflowPageSchema, { query: { ...query, limit: 500 } });
  /** The newest version when no number is given. */
  version = (name: string, version?: number) =>
    this.#get(
      `/workflows/${encode(name)}${version === undefined ? '' : `/versions/${version}`}`,
      wire.versionViewSchema,
    );
  deploy = (body: DeployBody) => this.#post('/workflows', wire.deployedSchema, body);
  validate = (body: ValidateBody) => this.#post('/validate', wire.validatedSchema, body);

  startRun = (body: StartBody) => this.#post('/runs', wire.acceptedSchema, body);
  runs = (query: RunsQuery) => this.#get('/runs', wire.runPageSchema, { query: { ...query } });
  run = (run: string): Promise<RunView> => this.#get(`/runs/${encode(run)}`, wire.runViewSchema);
  why = (run: string) => this.#get(`/runs/${encode(run)}/why`, wire.whySchema);
  whyTask = (run: string, task: string) =>
    this.#get(`/runs/${encode(run)}/tasks/${encode(task)}/why`, wire.whyTaskSchema);
  events = (run: string, query: FollowQuery, signal?: AbortSignal) =>
    this.#get(`/runs/${encode(run)}/events`, wire.eventBatchSchema, {
      query: { ...query },
      signal,
    });
  logs = (run: string, query: LogsQuery, signal?: AbortSignal) =>
    this.#get(`/runs/${encode(run)}/logs`, wire.logBatchSchema, { query: { ...query }, signal });

  runVerb = (run: string, verb: RunVerb, reason: string | undefined) =>
    this.#post(`/runs/${encode(run)}/${verb}`, wire.acceptedSchema, { reason });
  taskVerb = (run: string, task: string, verb: TaskVerb, reason: string | undefined) =>
    this.#post(`/runs/${encode(run)}/tasks/${encode(task)}/${verb}`, wire.acceptedSchema, {
      reason,
    });
  force = (run: string, task: string, body: object) =>
    this.#post(`/runs/${encode(run)}/tasks/${encode(task)}/force`, wire.acceptedSchema, body);
  steer = (run: string, task: string, to: string, reason: string | undefined) =>
    this.#post(`/runs/${encode(run)}/tasks/${encode(task)}/steer`, wire.acceptedSchema, {
      to,
      reason,
    });
  restart = (run: string, body: RestartBody) =>
    this.#post(`/runs/${encode(run)}/restart`, wire.acceptedSchema, body);
  restartPreview = (run: string, body: RestartBody) =>
    this.#post(`/runs/${encode(run)}/restart-preview`, wire.restartPreviewSchema, body);

  bulkCount = (body: BulkCountBody) => this.#post('/bulk/count', wire.bulkCountAnswerSchema, body);
  bulk = (body: BulkBody) => this.#post('/bulk', wire.bulkViewSchema, body);
  bulkView = (bulk: string, query: FollowQuery, signal?: AbortSignal) =>
    this.#get(`/bulk/${encode(bulk)}`, wire.bulkViewSchema, { query: { ...query }, signal });

  systems = () => this.#get('/systems', wire.systemListSchema);
  actions = () => this.#get('/actions', wire.actionListSchema);

  /** The run that a person means by the beginning of its id. */
  async resolveRun(prefix: string): Promise<string> {
    const { items } = await this.runs({ id: prefix });
    const exact = items.find((one) => one.id === prefix);
    if (exact !== undefined) return exact.id;
    const [only, another] = items;
    if (only === undefined) {
      throw new TuttiError('run.unknown', `No run begins with ${JSON.stringify(prefix)}.`);
    }
    if (another === undefined) return only.id;
    const list = items.map((one: RunSummary) => `${one.id} (${one.workflow}, ${one.status})`);
    throw new TuttiError(
      'run.ambiguous',
      `More than one run begins with ${JSON.stringify(prefix)}: ${list.join(', ')} …`,
    );
  }

  async #get<T>(path: string, schema: z.ZodType<T>, call: Call = {}): Promise<T> {
    try {
      return await this.#exchange('GET', path, schema, call);
    } catch (error) {
      const { reconnect } = this.#options;
      const gone = error instanceof TuttiError && error.code === 'server.unreachable';
      if (!gone || reconnect === undefined) throw error;
      // Only reading is repeated: of a command nobody knows whether it arrived.
      this.#url = await reconnect();
      return this.#exchange('GET', path, schema, call);
    }
  }

  #post<T>(path: string, schema: z.ZodType<T>, body: unknown): Promise<T> {
    return this.#exchange('POST', path, schema, { body });
  }

  async #exchange<T>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<T>,
    call: Call,
  ): Promise<T> {
    const response = await this.#send(method, path, call);
    const text = await response.text().catch(() => this.#unreachable('it hung up'));
    const answer = parsed(text);
    if (!response.ok) throw refusal(answer, response.status, this.#url);
    const read = schema.safeParse(answer);
    if (read.success) return read.data;
    throw new TuttiError('server.unreachable', `${this.#url} does not answer like Tutti.`);
  }

  async #send(method: string, path: string, { query, body, signal }: Call): Promise<Response> {
    const headers: Record<string, string> = {
      accept: 'application/json',
      'x-tutti-actor': encodeURIComponent(this.#options.actor),
    };
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      return await fetch(`${this.#url}/api/v1${path}${search(query)}`, {
        method,
        headers,
        redirect: 'error',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      return this.#unreachable(causeOf(error));
    }
  }

  #unreachable(cause: string): never {
    throw new TuttiError('server.unreachable', `No answer from ${this.#url}: ${cause}.`);
  }
}

function encode(part: string): string {
  return encodeURIComponent(part);
}

function search(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(answer: unknown, status: number, url: string): Error {
  const read = wire.problemDocumentSchema.safeParse(answer);
  if (read.success) return new ApiRefusal(read.data);
  return new TuttiError('server.unreachable', `${url} answered ${status}, not like Tutti.`);
}

/** fetch hides the reason in `cause`. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
