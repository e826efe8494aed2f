import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Strangers } from './strangers.ts';

it('closes the oldest connection of nobody known, and none of those who are', () => {
  const server = new EventEmitter() as Server;
  const strangers = new Strangers(3);
  strangers.watch(server);
  const sockets = Array.from({ length: 6 }, () => new Socket());
  const [first, second, ...rest] = sockets as [Socket, Socket, ...Socket[]];
  server.emit('connection', first);
  strangers.introduced(first);
  server.emit('connection', second);
  for (const socket of rest) server.emit('connection', socket);
  // Five strangers were there, three may be.
  const closed = sockets.map((socket) => socket.destroyed);
  expect(closed).toEqual([false, true, true, false, false, false]);
});

it('forgets those that left', async () => {
  const server = new EventEmitter() as Server;
  const strangers = new Strangers(1);
  strangers.watch(server);
  const [one, two] = [new Socket(), new Socket()];
  server.emit('connection', one);
  one.destroy();
  await once(one, 'close');
  server.emit('connection', two);
  expect(two.destroyed).toBe(false);
});
