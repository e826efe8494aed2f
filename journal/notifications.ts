/** What nodes tell each other: that there is something to look at, never what. */

/**
 * `orphans`: runs lost their node. `due`: a run without an owner waits for a node with capacity.
 * `slots`: slots of pools were given back. `pools`: a pool has another size. `deployed`: a workflow has a new version. `feed`: events were appended. `resync`: see `listen`.
 */
export type Notification =
  | { readonly about: 'orphans' | 'due' | 'slots' | 'pools' | 'feed' | 'resync' }
  | { readonly about: 'deployed'; readonly workflow: string };

export interface Notifications {
  /**
   * What other nodes announce (and this one). `resync`: the connection is new, or was away, so
   * anything may have been missed: look at everything. A process that begins to listen receives it
   * first. The result ends it.
   */
  listen(receive: (notification: Notification) => void): () => void;
  /** Tells the others that this node has written; coalesced, never waits, never fails. */
  notify(notification: 'feed'): void;
}
