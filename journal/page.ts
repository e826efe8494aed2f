/** A page of a list. Keyset pages: the `next` of one is the `after` of the next. */

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
