/**
 * Every connector that ships. A new one is a folder and a line here. It is loaded when a workflow
 * asks for it: what it needs to work (a driver, an SDK) it loads with its first action.
 */
import type { AnyConnector } from './kit/index.ts';

interface ConnectorEntry {
  /** The kind in systems.yaml and the first part of its actions' names. */
  readonly name: string;
  readonly load: () => Promise<AnyConnector>;
}

const CONNECTORS: readonly ConnectorEntry[] = [
  { name: 'tutti', load: async () => (await import('./tutti/connector.ts')).tutti },
  { name: 'shell', load: async () => (await import('./shell/connector.ts')).shell },
  { name: 'http', load: async () => (await import('./http/connector.ts')).http },
  { name: 'sql', load: async () => (await import('./sql/connector.ts')).sql },
  { name: 'file', load: async () => (await import('./file/connector.ts')).file },
];

/** All of them, or those of these names; a name that no connector has is left out. */
export function loadConnectors(names?: ReadonlySet<string>): Promise<readonly AnyConnector[]> {
  const wanted = CONNECTORS.filter(({ name }) => names === undefined || names.has(name));
  return Promise.all(wanted.map(({ load }) => load()));
}
