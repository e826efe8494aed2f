/**
 * One exchange over HTTP, with the one fact that decides about a second try: whether anything can
 * have reached the other side. `fetch` does not tell, so this speaks `node:http` itself.
 *
 * A request that may run twice uses the pool of open connections. One that may not gets a
 * connection of its own: a pooled one may be closed by the other side at the very moment that we
 * send, and that would look like a lost reply.
 */
import http from 'node:http';
import https from 'node:https';
import { OUTPUT_LIMIT_BYTES } from '../kit/index.ts';

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
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** null: longer than an output may be. */
  readonly body: Buffer | null;
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
  const timeout = AbortSignal.timeout(request.timeoutMs);
  let sent = false;
  try {
    return await new Promise((resolve, reject) => {
      const secure = request.url.protocol === 'https:';
      const openRequest = secure ? https.request : http.request;
      const outgoing = openRequest(request.url, {
        method: request.method,
        headers: request.headers,
        agent: request.repeatable ? pools[secure ? 'https:' : 'http:'] : false,
        signal: AbortSignal.any([request.signal, timeout]),
      });
      const leave = (): void => {
        sent = true;
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
          const connected = secure ? 'secureConnect' : 'connect';
          socket.once(connected, request.repeatable ? leave : leaveOnce);
        }
      });
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        readReply(incoming).then(resolve, reject);
      });
    });
  } catch (error) {
    if (request.signal.aborted) throw new NoReply(sent, 'aborted', 'ABORTED');
    if (timeout.aborted) throw new NoReply(sent, 'timeout', 'TIMEOUT');
    const native = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new NoReply(sent, 'connection', native);
  }
}

async function readReply(incoming: http.IncomingMessage): Promise<Reply> {
  const { statusCode: status = 0, headers } = incoming;
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > OUTPUT_LIMIT_BYTES) {
      incoming.destroy();
      return { status, headers, body: null };
    }
    parts.push(part);
  }
  return { status, headers, body: Buffer.concat(parts) };
}
