/** What the catalogue says of an error. */
import type { Exit } from './exit.ts';

export interface CatalogueEntry {
  /** What is wrong, in a sentence without its particulars. */
  readonly title: string;
  /** What happens, or what to do. */
  readonly next: string;
  /** Whether asking again can help. */
  readonly retry: boolean;
  /** What the API answers with. */
  readonly status: number;
  /** What a command of `tutti` ends with. */
  readonly exit: Exit;
}
