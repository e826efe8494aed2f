/**
 * What the reader and the forms need to know of an action, without the code that runs it.
 * Connectors describe themselves with this; the catalogue is handed to the reader as a value.
 */
import type { z } from 'zod';

export interface ActionDescription {
  /** `shell.run`: connector, dot, verb. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  /** Whether the task needs `system:`; the connector kind that the system must have. */
  readonly system: 'required' | 'optional' | 'none';
  /** It only waits for something outside, and does no work. */
  readonly waits?: boolean;
  readonly examples: readonly { readonly title: string; readonly with: unknown }[];
}

export type ActionCatalogue = ReadonlyMap<string, ActionDescription>;

/** Which texts inside a value are addresses: `{ url: true, locate: { url: true } }`. */
export type Addresses = true | { readonly [key: string]: Addresses };
