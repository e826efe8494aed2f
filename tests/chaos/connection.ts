/**
 * How the load reaches a server that is killed all the time: every request ends in one of three
 * ways. `done`: the server said 2xx, which is a promise. `refused`: it said no. `lost`: nobody
 * knows; whoever asked waits for the next server and looks.
 */
import { z } from 'zod';
import { problemDocumentSchema, type ProblemDocument } from '../../protocol/problem.ts';
import type { Json } from '../../model/json.ts';

export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly problem: ProblemDocument }
  | { readonly kind: 'lost' };

/** Far beyond what a recovery takes: no answer by then is a fault of its own. */
const ANSWER_LIMIT_MS = 90_000;

export class Connection {
  /** What no kill explains: for the report. */
  readonly surprises: string[] = [];
  /** What opens the server. */
  token = '';
  #url: string | null = null;
  #waiting: ((url: string) => void)[] = [];
  readonly #tolerated: ReadonlySet<string>;

  /** `tolerated`: codes of a server in trouble that the experiment causes; then nobody knows. */
  constructor(tolerated: readonly string[] = []) {
    this.#tolerated = new Set(tolerated);
  }

  /** The address of the server, as soon as there is one. */
  server(): Promise<string> {
    if (this.#url !== null) return Promise.resolve(this.#url);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  up(url: string): void {
    this.#url = url;
    for (const resolve of this.#waiting.splice(0)) resolve(url);
  }

  down(): void {
    this.#url = null;
  }

  get<T>(path: string, schema: z.ZodType<T>): Promise<Answer<T>> {
    return this.#ask('GET', path, undefined, schema);
  }

  post<T>(path: string, body: Json, schema: z.ZodType<T>): Promise<Answer<T>> {
    return this.#ask('POST', path, body, schema);
  }

  /** Reads until there is an answer; null when there is no such thing. */
  async read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    for (;;) {
      const answer = await this.get(path, schema);
      if (answer.kind === 'done') return answer.value;
      if (answer.kind === 'refused') return null;
    }
  }

  async #ask<T>(
    method: string,
    path: string,
    body: Json | undefined,
    schema: z.ZodType<T>,
  ): Promise<Answer<T>> {
    const url = await this.server();
    const where = `${method} ${path}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          'content-type': 'application/json',
          'x-tutti-actor': 'desk',
        },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') {
        this.surprises.push(`no answer to ${where} within ${ANSWER_LIMIT_MS / 1_000} s`);
      }
      return { kind: 'lost' };
    }
    return this.#judge(where, response.status, text, schema);
  }

  #judge<T>(where: string, status: number, text: string, schema: z.ZodType<T>): Answer<T> {
    if (status >= 200 && status < 300)
      return { kind: 'done', value: schema.parse(JSON.parse(text)) };
    const problem = problemDocumentSchema.safeParse(JSON.parse(text));
    if (problem.success && this.#tolerated.has(problem.data.code)) return { kind: 'lost' };
    // On a machine that is busy with the experiment a question may have to be asked again.
    if (problem.success && problem.data.retry && where.startsWith('GET')) return { kind: 'lost' };
    if (!problem.success || status >= 500) {
      this.surprises.push(`${where} was answered with ${status}: ${text.slice(0, 500)}`);
      return { kind: 'lost' };
    }
    return { kind: 'refused', problem: problem.data };
  }
}
