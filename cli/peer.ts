/**
 * The door of another node over HTTP. What matters is to know what is not known: an error before
 * the connection stood means that nothing was sent; any later one, that the command may have been
 * carried out. So every command has a connection of its own, which is new.
 */
import http from 'node:http';
import https from 'node:https';
import type { z } from 'zod';
import type { Peer } from '../engine/door.ts';
import { addressOf } from '../model/node-address.ts';
import { CATALOGUE, type ErrorCode, TuttiError } from '../model/errors.ts';
import type { TaskRange } from '../model/task-range.ts';
import {
  FORWARDED_COMMANDS,
  FORWARDED_RUNS,
  forwardedAnswerSchema,
} from '../protocol/forwarded.ts';
import { API_PREFIX } from '../protocol/route.ts';
import { problemDocumentSchema } from '../protocol/problem.ts';
import { runViewSchema } from '../protocol/runs.ts';

/** A node that hangs accepts connections and says nothing. */
const QUESTION_MS = 2_000;

/** Far more than a run needs; a longer answer is no node's. */
const MOST_BYTES = 32 * 1024 * 1024;

interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly limitMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `tokenFor`: what shows at that address, and at no other, that a node asks. */
export function peerAt(
  url: string,
  tokenFor: (address: string) => string,
  commandMs: number,
): Peer {
  const address = addressOf(url);
  const ask = async <T>(exchange: Exchange, schema: z.ZodType<T>): Promise<T> => {
    if (address === undefined) throw unreachable(url, 'this is not the address of a node');
    const { status, text } = await send(address, tokenFor(address), exchange);
    const answer = jsonOf(text);
    if (status !== 200) throw errorOf(status, answer, url);
    const read = schema.safeParse(answer);
    if (read.success) return read.data;
    throw unanswered(url, 'it does not answer like Tutti');
  };
  return {
    submit: (command) => {
      const body = JSON.stringify(command);
      const path = FORWARDED_COMMANDS;
      return ask({ method: 'POST', path, body, limitMs: commandMs }, forwardedAnswerSchema);
    },
    inspect: (run, range) => {
      const path = `${FORWARDED_RUNS}/${encodeURIComponent(run)}?${queryOf(range).toString()}`;
      return ask({ method: 'GET', path, limitMs: QUESTION_MS }, runViewSchema);
    },
  };
}

/** Asked for without an end, there are as many as the other node gives. */
function queryOf({ task, after, limit, open }: TaskRange): URLSearchParams {
  return new URLSearchParams({
    after: String(after),
    ...(limit !== Infinity && { limit: String(limit) }),
    ...(task !== undefined && { task }),
    ...(open === true && { open: 'true' }),
  });
}

function send(address: string, token: string, exchange: Exchange): Promise<Answer> {
  const { method, path, body, limitMs } = exchange;
  const where = new URL(`${address}${API_PREFIX}${path}`);
  const { request } = where.protocol === 'https:' ? https : http;
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  return new Promise((resolve, reject) => {
    let connected = false;
    const outgoing = request(where, { method, headers, agent: false }, (incoming) => {
      readBounded(incoming).then(
        (text) => resolve({ status: incoming.statusCode ?? 0, text }),
        (error: unknown) => {
          reject(unanswered(address, error instanceof Error ? error.message : String(error)));
          outgoing.destroy();
        },
      );
    });
    outgoing.once('socket', (socket) => socket.once('connect', () => (connected = true)));
    outgoing.once('close', () => clearTimeout(limit));
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      reject(unanswered(address, 'it speaks another protocol'));
    });
    outgoing.on('error', (error) =>
      reject(connected ? unanswered(address, error.message) : unreachable(address, error.message)),
    );
    const limit = setTimeout(() => outgoing.destroy(new Error('it does not answer')), limitMs);
    outgoing.end(body);
  });
}

async function readBounded(incoming: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MOST_BYTES) throw new Error('its answer is larger than 32 MB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function unreachable(url: string, why: string): TuttiError {
  return new TuttiError('node.unreachable', `No node answers at ${url}: ${why}.`);
}
function unanswered(url: string, why: string): TuttiError {
  return new TuttiError('command.unanswered', `The node at ${url} was asked: ${why}.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The other node says why; what cannot be read may come from a machine in between. */
function errorOf(status: number, answer: unknown, url: string): TuttiError {
  if (status === 401 || status === 403) {
    const why = 'the server there does not know this node; check its --advertise address';
    return unreachable(url, why);
  }
  const read = problemDocumentSchema.safeParse(answer);
  if (!read.success || !isCode(read.data.code)) {
    return unanswered(url, 'it does not answer like Tutti');
  }
  return new TuttiError(read.data.code, read.data.detail);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(CATALOGUE, code);
}
