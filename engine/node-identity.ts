/**
 * Who this node is: the journal says so when the node registers, at its start. What writes in the
 * node's name is made before that, and asks here each time.
 */
import type { NodeLease } from '../journal/ownership.ts';
import { TuttiError } from '../model/errors.ts';

export class NodeIdentity {
  #lease: NodeLease | undefined;

  /** `lease`: of a node that has registered already. */
  constructor(lease?: NodeLease) {
    this.#lease = lease;
  }

  registered(lease: NodeLease): void {
    this.#lease = lease;
  }

  /** Throws `node.stopping` before the node has registered. */
  get lease(): NodeLease {
    if (this.#lease === undefined) throw notStarted();
    return this.#lease;
  }

  /** undefined before the node has registered. */
  get node(): number | undefined {
    return this.#lease?.node;
  }
}

export function notStarted(): TuttiError {
  return new TuttiError('node.stopping', 'The engine has not started yet.');
}
