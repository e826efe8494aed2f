/**
 * How a task of a run is named: by its name, or, for an item of a mapped task, by the name and the item's
 * position in the list: `load[3]` is the fourth.
 */

/** Names hold no brackets, so there is one way to read it. */
const ITEM = /^(.+)\[(0|[1-9]\d{0,8})\]$/;

export interface ItemReference {
  readonly name: string;
  readonly position: number;
}

export function itemReference(name: string, position: number): string {
  return `${name}[${position}]`;
}

/** Nothing when it names no item. */
export function readItemReference(reference: string): ItemReference | undefined {
  if (!reference.endsWith(']')) return undefined;
  const [, name, position] = ITEM.exec(reference) ?? [];
  return name === undefined ? undefined : { name, position: Number(position) };
}

/** The name of the task in the workflow, of a task and of an item alike. */
export function taskNameOf(reference: string): string {
  return readItemReference(reference)?.name ?? reference;
}
