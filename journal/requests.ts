/** Requests by their Idempotency-Key: one that arrives twice is carried out once, and answered the same again. */

export interface StoredAnswer {
  readonly status: number;
  readonly type: string;
  readonly location: string | null;
  readonly body: string;
}

/**
 * `fresh`: it is the first of its kind. `interrupted`: one was sent before, and how far that came is not
 * known; what it did carries `id`. `other`: the key belongs to another request.
 */
export type RequestState =
  | { readonly state: 'fresh' | 'interrupted'; readonly id: string }
  | { readonly state: 'answered'; readonly answer: StoredAnswer }
  | { readonly state: 'under-way' | 'other' };

export interface Requests {
  /** `id` is for a fresh one. A request of a minute ago without an answer counts as interrupted. */
  begin(key: string, fingerprint: string, id: string): Promise<RequestState>;
  finish(key: string, answer: StoredAnswer): Promise<void>;
  /** It could not be carried out, or that is unknown: the next one like it looks first. */
  interrupt(key: string): Promise<void>;
}
