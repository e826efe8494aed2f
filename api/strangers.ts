/**
 * Connections that have not said who is there. They cost a file descriptor each, of which a process
 * has a limited number, so there may be some of them: when there are more, the oldest is closed.
 * Whoever shows a token is none any more.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const SHARE = 0.4;
const FEWEST = 16;
const MOST = 4096;

export class Strangers {
  /** The oldest first. */
  readonly #sockets = new Set<Socket>();
  readonly #most: number;

  constructor(most = mostStrangers()) {
    this.#most = most;
  }

  watch(server: Server): void {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const [oldest] = this.#sockets;
      if (oldest === undefined || this.#sockets.size <= this.#most) return;
      this.#sockets.delete(oldest);
      oldest.destroy();
    });
  }

  introduced(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}

/** A part of the files that the process may have open; the rest is for those who are known. */
function mostStrangers(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
    return Number.isNaN(files) ? MOST : Math.max(FEWEST, Math.min(MOST, Math.floor(files * SHARE)));
  } catch {
    // Not on Linux.
    return MOST;
  }
}
