/**
 * What a service replied, as it came, and as the text that it means: unpacked and decoded by what
 * its headers say. What cannot be read is refused by its name instead of being bent.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Json } from '../../model/json.ts';
import { problemSentence, readJson, unwritable } from '../../model/json-text.ts';
import { ActionFailure, OUTPUT_LIMIT_BYTES, outputTooLarge } from '../kit/index.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** null: longer than an output may be. */
  readonly body: Buffer | null;
  /** Where it came from. */
  readonly address: string;
}

const MOST_LAYERS = 3;
const OPTIONS = { maxOutputLength: OUTPUT_LIMIT_BYTES };
const UNPACK: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  identity: (body) => body,
  gzip: (body) => gunzipSync(body, OPTIONS),
  'x-gzip': (body) => gunzipSync(body, OPTIONS),
  br: (body) => brotliDecompressSync(body, OPTIONS),
  // By the standard with a frame of zlib; some leave it out.
  deflate: (body) =>
    ((body[0] ?? 0) & 0x0f) === 8 ? inflateSync(body, OPTIONS) : inflateRawSync(body, OPTIONS),
};

/** Throws ActionFailure. */
export function textOf({ headers, body }: Reply): string {
  if (body === null) throw outputTooLarge('the reply');
  if (body.length === 0) return '';
  return decoded(unpacked(body, headers['content-encoding']), headers['content-type']);
}

function unpacked(body: Buffer, encoding: string | undefined): Buffer {
  const layers = (encoding ?? '').split(',').map((name) => name.trim().toLowerCase());
  const named = layers.filter((name) => name !== '');
  if (named.length > MOST_LAYERS) throw unreadable('is packed too many times over');
  let plain = body;
  for (const name of named.toReversed()) {
    const unpack = Object.hasOwn(UNPACK, name) ? UNPACK[name] : undefined;
    if (unpack === undefined) {
      throw unreadable(`is packed as "${name}"; Tutti reads gzip, deflate and br`);
    }
    try {
      plain = unpack(plain);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw outputTooLarge('the reply');
      }
      throw unreadable(`says that it is packed as "${name}", and is not, or only in part`);
    }
  }
  return plain;
}

function decoded(body: Buffer, type: string | undefined): string {
  const charset = markOf(body) ?? /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type ?? '')?.[1];
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(charset ?? 'utf-8', { fatal: true });
  } catch {
    throw unreadable(`is in the charset "${charset}", which Tutti cannot read`);
  }
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    const said = charset === undefined ? 'and names no charset' : 'though it says so';
    throw unreadable(`is not ${decoder.encoding.toUpperCase()}, ${said}`);
  }
  const wrong = unwritable(text);
  if (wrong !== undefined) throw unreadable(wrong);
  return text;
}

/** A byte order mark is stronger than what the headers say, as browsers hold it too. */
function markOf(body: Buffer): string | undefined {
  const [first, second, third] = body;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xef && second === 0xbb && third === 0xbf ? 'utf-8' : undefined;
}

function unreadable(what: string): ActionFailure {
  const message = `the reply ${what}; declare \`output: none\` if it is not needed`;
  return new ActionFailure({ class: 'rejected', code: 'http.encoding', message });
}

export function jsonOf(text: string): Json {
  const { value, problem } = readJson(text);
  if (problem === undefined) return value;
  throw new ActionFailure({
    class: 'rejected',
    code: 'http.not-json',
    message: `the reply is not JSON that can be kept: ${problemSentence(problem)}; or declare \`output: text\` or \`output: none\``,
  });
}

/**
 * For failures: whatever can be read of it. `blacken` comes before the cut: the beginning of a
 * secret that was cut is not known as one.
 */
export function glimpseOf(reply: Reply, blacken: (text: string) => string): string {
  try {
    return blacken(textOf(reply)).slice(0, 1000).toWellFormed();
  } catch {
    // ignored: a reply that is no text has no glimpse; the caller reports the reply itself.
    return '';
  }
}
