/**
 * The client of the API, for programs and for browsers: one method for each route of the table,
 * with its types. It touches no network by itself: `fetch` and the address are given.
 *
 *     const tutti = createClient({ url, token, fetch, pause });
 *     const { run } = await tutti.startRun({ workflow: 'hello', inputs: { name: 'Ada' } });
 *     for await (const event of tutti.streamEvents({ run })) if (event.type === 'RunEnded') break;
 */
import type { z } from 'zod';
import { type Operation, OPERATIONS, ROUTES } from '../routes.ts';
import { type CallOptions, type ClientOptions, Exchange, type ApiRequest } from './exchange.ts';
import { follow, type WithId } from './following.ts';

export type { CallOptions, ClientOptions } from './exchange.ts';
export { ApiRefusal, NoAnswer } from './refusal.ts';

type Row<K extends Operation> = (typeof ROUTES)[K];
type Asked<S> = S extends z.ZodType ? NonNullable<z.input<S>> : unknown;
type Part<K extends Operation, P extends string> =
  Row<K>['schema'] extends Readonly<Record<P, infer S>> ? Asked<S> : unknown;
/** What a route is asked with, in one object. */
export type RequestOf<K extends Operation> = Part<K, 'params'> &
  Part<K, 'querystring'> &
  Part<K, 'body'>;

type Good<R> = R[keyof R];
export type AnswerOf<K extends Operation> =
  Row<K> extends { readonly stream: z.ZodType<infer E> }
    ? AsyncIterable<WithId<E>>
    : Good<Row<K>['schema']['response']> extends z.ZodType<infer A>
      ? Promise<A>
      : never;

type Method<K extends Operation> =
  object extends RequestOf<K>
    ? (request?: RequestOf<K>, options?: CallOptions) => AnswerOf<K>
    : (request: RequestOf<K>, options?: CallOptions) => AnswerOf<K>;

export type Client = { readonly [K in Operation]: Method<K> } & {
  /** Where it asks now. */
  readonly url: () => string;
};

export function createClient(options: ClientOptions): Client {
  const exchange = new Exchange(options);
  const methods = OPERATIONS.map(([operation, route]) => {
    const { stream } = route;
    const method = (request: ApiRequest = {}, call: CallOptions = {}) =>
      stream === undefined
        ? exchange.call(route, request, call)
        : follow(exchange, { ...route, stream }, request, call);
    return [operation, method] as const;
  });
  // Each method was made from its row of the table, and so were the types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...Object.fromEntries(methods), url: () => exchange.url } as unknown as Client;
}
