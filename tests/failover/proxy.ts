/**
 * A network that can fail: a TCP port of this machine that leads to a PostgreSQL socket, and
 * delays, hangs or cuts what passes.
 *
 * `hang` is a host that has vanished: nobody says so, bytes are taken and never answered, and a
 * new connection stands but stays silent. `cut` is a process that has died.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Way {
  readonly near: Socket;
  readonly far: Socket | null;
  /** Stood when the host vanished: nothing passes any more, not even that an end was closed. */
  lost: boolean;
}

export class Proxy {
  /** Each way. */
  delayMs = 0;
  #hanging = false;
  #target: string;
  readonly #server: Server;
  readonly #ways = new Set<Way>();

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((near) => this.#open(near));
  }

  static async open(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on to another server; what stands is cut. */
  lead(target: string): void {
    this.#target = target;
    this.mend();
  }

  hang(): void {
    this.#hanging = true;
    for (const way of this.#ways) way.lost = true;
  }

  /** Reachable again; what was lost meanwhile stays lost, and the far ends know nothing of it. */
  heal(): void {
    this.#hanging = false;
  }

  /** Ends what stands, without farewell. */
  cut(): void {
    for (const { near, far } of this.#ways) {
      near.resetAndDestroy();
      far?.destroy();
    }
    this.#ways.clear();
  }

  /** A new network: nothing of the old one comes through it. */
  mend(): void {
    this.#hanging = false;
    this.delayMs = 0;
    this.cut();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #open(near: Socket): void {
    if (this.#hanging) {
      this.#ways.add({ near, far: null, lost: true });
      near.on('error', () => undefined);
      return;
    }
    const far = connect(this.#target);
    const way = { near, far, lost: false };
    this.#ways.add(way);
    this.#carry(near, far, way);
    this.#carry(far, near, way);
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        // The other side of a host that vanished hears nothing.
        if (way.lost) return;
        near.destroy();
        far.destroy();
        this.#ways.delete(way);
      });
    }
  }

  #carry(from: Socket, to: Socket, way: Way): void {
    from.on('data', (bytes) => {
      const pass = (): void => {
        if (!way.lost && !to.destroyed) to.write(bytes);
      };
      if (this.delayMs === 0) pass();
      else setTimeout(pass, this.delayMs);
    });
  }
}
