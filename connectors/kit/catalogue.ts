/**
 * The descriptions of all actions as one value: what the reader checks files against, and what
 * forms and the reference are made from. The code that runs the actions stays behind.
 */
import type { ActionCatalogue, ActionDescription } from '../../model/action.ts';
import type { AnyConnector } from './connector.ts';

/** Throws when two actions have one name: that is a mistake in the list. */
export function catalogueOf(connectors: readonly AnyConnector[]): ActionCatalogue {
  const catalogue = new Map<string, ActionDescription>();
  for (const action of connectors.flatMap((connector) => connector.actions)) {
    if (catalogue.has(action.name)) throw new Error(`there are two actions named ${action.name}`);
    const { name, title, description, input, output, system, examples, waits } = action;
    const idle = waits === true ? { waits } : {};
    catalogue.set(name, { name, title, description, input, output, system, examples, ...idle });
  }
  return catalogue;
}
