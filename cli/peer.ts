/**
 * The door of another node over HTTP. What matters is to know what is not known: an error before
 * the connection stood means that nothing was sent; any later one, that the command may have been
 * carried out. So every command has a connection of its own, which is new.
 */
import http from 'node:http';
import https from 'node:https';
import type { z } from 'zod';
import type { Peer } from '../engine/door.ts';
import { TuttiError } from '../model/errors.ts';
import type { ErrorCode } from '../model/errors.ts';
import { CATALOGUE } from '../model/errors.ts';
import {
  FORWARDED_BY,
  FORWARDED_COMMANDS,
  FORWARDED_RUNS,
  forwardedAnswerSchema,
} from '../model/forwarded.ts';
import { API_PREFIX } from '../model/routes/route.ts';
import { problemDocumentSchema, runViewSchema } from '../model/wire.ts';

/** A node that hangs accepts connections and says nothing. */
const QUESTION_MS = 2_000;

interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly limitMs: number;
}

export function peerAt(url: string, from: string, commandMs: number): Peer {
  const ask = async <T>(exchange: Exchange, schema: z.ZodType<T>): Promise<T> => {
    const { status, text } = await send(url, from, exchange);
    const answer = jsonOf(text);
    if (status !== 200) throw errorOf(answer, url);
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
    inspect: (run) => {
      const path = `${FORWARDED_RUNS}/${encodeURIComponent(run)}`;
      return ask({ method: 'GET', path, limitMs: QUESTION_MS }, runViewSchema);
    },
  };
}

function send(
  url: string,
  from: string,
  { method, path, body, limitMs }: Exchange,
): Promise<{ status: number; text: string }> {
  const address = new URL(`${url.replace(/\/+$/, '')}${API_PREFIX}${path}`);
  const { request } = address.protocol === 'https:' ? https : http;
  const headers = {
    [FORWARDED_BY]: encodeURIComponent(from),
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
  };
  return new Promise((resolve, reject) => {
    let connected = false;
    const outgoing = request(address, { method, headers, agent: false }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
      );
      incoming.on('error', (error) => reject(unanswered(url, error.message)));
    });
    outgoing.once('socket', (socket) => socket.once('connect', () => (connected = true)));
    outgoing.once('close', () => clearTimeout(limit));
    outgoing.on('error', (error) =>
      reject(connected ? unanswered(url, error.message) : unreachable(url, error)),
    );
    const limit = setTimeout(() => outgoing.destroy(new Error('it does not answer')), limitMs);
    outgoing.end(body);
  });
}

function unreachable(url: string, error: Error): TuttiError {
  return new TuttiError('node.unreachable', `No node answers at ${url}: ${error.message}.`);
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

/** The other node says why; what cannot be read may have been said by somebody in between. */
function errorOf(answer: unknown, url: string): TuttiError {
  const read = problemDocumentSchema.safeParse(answer);
  if (!read.success || !isCode(read.data.code)) {
    return unanswered(url, 'it does not answer like Tutti');
  }
  return new TuttiError(read.data.code, read.data.detail);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(CATALOGUE, code);
}
