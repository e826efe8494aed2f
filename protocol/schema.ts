/**
 * What the schemas of the protocol are made of, and the words that several nouns have: who asked, what failed.
 *
 * The types are those of `model`; `exact` makes the compiler refuse a schema that forgets a field
 * of its type or invents one, so the two cannot drift apart. The API validates its answers with
 * these, the client reads them with the same ones, and the OpenAPI document derives from them.
 * Objects on the wire may gain fields: readers drop what they do not know.
 */
import { z } from 'zod';
import { ERROR_CLASSES } from '../model/definition.ts';
import type { Json, JsonObject } from '../model/json.ts';
import type { By, Failure } from '../model/run.ts';

type Shape<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K>
    ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>>
    : z.ZodType<T[K]>;
};

/** An object schema with exactly the fields of `T`; `id` is its name in the OpenAPI document. */
export function exact<T extends object>(id: string, shape: Shape<T>, example?: T): z.ZodType<T> {
  // `Shape` has just proven what the compiler cannot conclude: these fields make a T.
  const meta = example === undefined ? { id } : { id, examples: [example] };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return z.object(shape).meta(meta) as unknown as z.ZodType<T>;
}

// Values come out of JSON.parse or the journal: looking into them again would only cost time.
export const jsonSchema: z.ZodType<Json> = z.any();
export const jsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), z.any());
export const text = z.string();
export const EXAMPLE_RUN = '019a8c53-7d2e-7b41-9d6c-0f6f3f1f0a11';
export const instant = z.number().describe('Milliseconds since the epoch, UTC');
export const count = z.int().nonnegative();

export interface WirePage<T> {
  readonly items: readonly T[];
  /** Give it as `after` to read on; null at the end. */
  readonly next: string | null;
}
export function page<T>(id: string, item: z.ZodType<T>): z.ZodType<WirePage<T>> {
  return z.object({ items: z.array(item), next: text.nullable() }).meta({ id });
}

export const bySchema = exact<By>('By', {
  actor: text,
  reason: text.exactOptional(),
  request: text.exactOptional(),
  through: z.enum(['token', 'session', 'job']).exactOptional(),
});

export const failureSchema = exact<Failure>('Failure', {
  // Named: generators make an enum of it, and `enum class` is no name in most languages.
  class: z.enum(ERROR_CLASSES).meta({ id: 'ErrorClass' }),
  code: text,
  message: text,
  native: jsonSchema.exactOptional(),
});
