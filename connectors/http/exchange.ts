/**
 * One exchange over HTTP, with the one fact that decides about a second try: whether anything can
 * have reached the other side. `fetch` does not tell, so this speaks `node:http` itself.
 *
 * A request that may run twice uses the pool of open connections. One that may not gets a
 * connection of its own: a pooled one may be closed by the other side at the very moment that we
 * send, and that would look like a lost reply.
 *
 * It always settles: by the reply, by an error, by the end of the connection, or by its timeout.
 */
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { OUTPUT_LIMIT_BYTES } from '../kit/index.ts';
import { isLocal, LocalAddress, lookupElsewhere } from './local.ts';
import type { Reply } from './reply.ts';

export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly repeatable: boolean;
  /** Asked when the connection of a request stands that may not run twice. */
  readonly mayLeave: () => true | Promise<boolean>;
  /** It goes where a service elsewhere sent it: that may not be this machine. */
  readonly elsewhere: boolean;
}

/** No reply. `sent` is false only when nothing can have arrived. */
export class NoReply extends Error {
  readonly sent: boolean;
  readonly reason: 'timeout' | 'aborted' | 'connection';
  /** The system's own code, e.g. ECONNREFUSED. */
  readonly native: string;
  constructor(sent: boolean, reason: NoReply['reason'], native: string) {
    super(native);
    this.name = 'NoReply';
    this.sent = sent;
    this.reason = reason;
    this.native = native;
  }
}

const pools = {
  'http:': new http.Agent({ keepAlive: true, timeout: 30_000 }),
  'https:': new https.Agent({ keepAlive: true, timeout: 30_000 }),
} as const;

export async function exchange(request: Request): Promise<Reply> {
  if (request.elsewhere && isLocal(request.url.hostname)) {
    throw new LocalAddress(request.url.hostname);
  }
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  const way = { sent: false, address: '' };
  try {
    return await converse(request, signal, way);
  } catch (error) {
    if (error instanceof LocalAddress) throw error;
    if (request.signal.aborted) throw new NoReply(way.sent, 'aborted', 'ABORTED');
    if (timeout.aborted) throw new NoReply(way.sent, 'timeout', 'TIMEOUT');
    const native = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new NoReply(way.sent, 'connection', native);
  }
}

async function converse(
  request: Request,
  signal: AbortSignal,
  way: { sent: boolean; address: string },
): Promise<Reply> {
  const { repeatable } = request;
  let answered = false;
  return await new Promise((resolve, reject) => {
    const outgoing = open(request, signal);
    const leave = (): void => {
      if (outgoing.destroyed) return;
      way.sent = true;
      way.address = outgoing.socket?.remoteAddress ?? '';
      outgoing.end(request.body);
    };
    // Connecting takes time, in which this process may have stood still.
    const leaveOnce = (): void => {
      const may = request.mayLeave();
      if (may === true) leave();
      else may.then((still) => (still ? leaveOnce() : outgoing.destroy()), reject);
    };
    outgoing.on('socket', (socket) => {
      // A pooled socket is connected already and would collect listeners that never fire.
      if (outgoing.reusedSocket) leave();
      else {
        const connected = request.url.protocol === 'https:' ? 'secureConnect' : 'connect';
        socket.once(connected, repeatable ? leave : leaveOnce);
      }
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      answered = true;
      readReply(incoming, way.address).then(resolve, reject);
    });
    // No other protocol was asked for: that is an answer like any other, and its end.
    outgoing.on('upgrade', ({ statusCode: status = 101, headers }, socket) => {
      answered = true;
      socket.destroy();
      resolve({ status, headers, body: Buffer.alloc(0), address: way.address });
    });
    signal.addEventListener('abort', () => {
      outgoing.destroy();
      reject(new Error('over'));
    });
    outgoing.on('close', () => {
      if (!answered) reject(new Error('closed'));
    });
  });
}

function open({ url, method, headers, repeatable, elsewhere }: Request, signal: AbortSignal) {
  const secure = url.protocol === 'https:';
  const openRequest = secure ? https.request : http.request;
  return openRequest(url, {
    method,
    headers,
    // A pooled connection was looked up before, when it could lead anywhere.
    agent: repeatable && !elsewhere ? pools[secure ? 'https:' : 'http:'] : false,
    signal,
    ...(elsewhere && isIP(url.hostname) === 0 ? { lookup: lookupElsewhere } : {}),
  });
}

async function readReply(incoming: http.IncomingMessage, address: string): Promise<Reply> {
  const { statusCode: status = 0, headers } = incoming;
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > OUTPUT_LIMIT_BYTES) {
      incoming.destroy();
      return { status, headers, body: null, address };
    }
    parts.push(part);
  }
  return { status, headers, body: Buffer.concat(parts), address };
}
