/**
 * The systems of an installation as the engine sees them: a name, a kind, and the configuration
 * that the connector of that kind is given. Where they come from (a file, an environment) is not
 * the engine's business.
 */
export interface System {
  /** The name of a connector. */
  readonly kind: string;
  /** Fits the connector's `config` schema, secrets resolved. Never log it. */
  readonly config: unknown;
  /** Why it cannot be used until the next start. */
  readonly unreachable?: string;
}

export interface SystemDirectory {
  get(name: string): System | undefined;
  names(): readonly string[];
}
