/** What went wrong with an attempt, as its events keep it. */
import type { ErrorClass } from './definition.ts';
import type { Json } from './json.ts';

/** Never holds a secret. */
export interface Failure {
  readonly class: ErrorClass;
  /** A code of the catalogue (`errors.ts`), or the connector's own, e.g. `shell.exit`. */
  readonly code: string;
  readonly message: string;
  /** The system's own words: exit code, HTTP status, SQL state, return code. */
  readonly native?: Json;
}
