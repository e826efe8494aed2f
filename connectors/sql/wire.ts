/**
 * What one message of the server may announce. The protocol puts its length in front, so a cell of
 * 50 MB is seen in its first five bytes; the connection is then given up before the rest is
 * gathered in memory.
 */
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { outputTooLarge } from '../kit/index.ts';

export const MOST_MESSAGE_BYTES = 1024 * 1024;
const HEADER_BYTES = 5;

/** To be called before the client connects: messages are counted from the first byte on. */
export function limitMessages(client: pg.Client): void {
  const { connection } = client;
  // With TLS the messages are on the stream that stands over the first one.
  if (client.ssl) connection.on('sslconnect', () => watchStream(connection.stream));
  else watchStream(connection.stream);
}

function watchStream(stream: Duplex): void {
  const border = new Border();
  stream.on('data', (data: Buffer) => {
    if (border.pass(data)) return;
    stream.destroy(outputTooLarge('one message of the database'));
  });
}

/** Follows where messages begin. */
export class Border {
  #header = Buffer.alloc(HEADER_BYTES);
  #read = 0;
  #left = 0;

  /** False: a message announces more than it may hold. */
  pass(data: Buffer): boolean {
    for (let at = 0; at < data.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, data.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      const taken = Math.min(HEADER_BYTES - this.#read, data.length - at);
      data.copy(this.#header, this.#read, at, at + taken);
      this.#read += taken;
      at += taken;
      if (this.#read < HEADER_BYTES) return true;
      this.#read = 0;
      // The length counts itself, and not the letter before it.
      this.#left = this.#header.readUInt32BE(1) - 4;
      if (this.#left < 0 || this.#left > MOST_MESSAGE_BYTES) return false;
    }
    return true;
  }
}
