/**
 * The other nodes, as this one reaches them: the door of the node that owns a run, by the address
 * that it registered with.
 */
import type { Views } from '../../journal/journal.ts';
import type { Peer } from '../door.ts';

export class Peers {
  readonly #views: Pick<Views, 'nodes'>;
  readonly #connect: ((url: string) => Peer) | undefined;
  readonly #known = new Map<number, Peer>();

  constructor(views: Pick<Views, 'nodes'>, connect: ((url: string) => Peer) | undefined) {
    this.#views = views;
    this.#connect = connect;
  }

  /** null: it cannot be reached from here. */
  async find(node: number): Promise<Peer | null> {
    const known = this.#known.get(node);
    if (known !== undefined || this.#connect === undefined) return known ?? null;
    const rows = await this.#views.nodes();
    const url = rows.find((row) => row.node === node)?.url ?? null;
    if (url === null) return null;
    const peer = this.#connect(url);
    this.#known.set(node, peer);
    return peer;
  }

  /** It did not answer: it may have another address by now. */
  forget(node: number): void {
    this.#known.delete(node);
  }
}
