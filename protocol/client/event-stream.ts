/**
 * Server-sent events as they are read (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 * bytes → lines → frames. A frame without data still moves the place to resume from.
 */
interface Frame {
  readonly id: string | undefined;
  readonly data: string | undefined;
  readonly retryMs: number | undefined;
}

/** The frames of a body until it ends or breaks; a frame that is cut off is not given. */
export async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new FrameParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops in the middle closes the connection.
    await reader.cancel().catch(() => undefined);
  }
}

export class FrameParser {
  #rest = '';
  #id: string | undefined;
  #data: string[] = [];
  #retryMs: number | undefined;
  #any = false;
  #returned = false;

  *feed(text: string): Generator<Frame> {
    if (text === '') return;
    // The other half of a line's end that was cut in two.
    const fresh = this.#returned && text.startsWith('\n') ? text.slice(1) : text;
    this.#returned = text.endsWith('\r');
    const lines = (this.#rest + fresh).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const frame = line === '' ? this.#frame() : this.#line(line);
      if (frame !== undefined) yield frame;
    }
  }

  #line(line: string): undefined {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    this.#any = true;
    if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#retryMs = Number(value);
  }

  #frame(): Frame | undefined {
    if (!this.#any) return undefined;
    const data = this.#data.length === 0 ? undefined : this.#data.join('\n');
    const frame = { id: this.#id, data, retryMs: this.#retryMs };
    this.#id = undefined;
    this.#data = [];
    this.#retryMs = undefined;
    this.#any = false;
    return frame;
  }
}
