import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameParser, framesOf } from './event-stream.ts';

const parse = (...pieces: string[]) => {
  const parser = new FrameParser();
  return pieces.flatMap((piece) => [...parser.feed(piece)]);
};
const frame = (data: string | undefined, id?: string, retryMs?: number) => ({ data, id, retryMs });

describe('frames', () => {
  it.each([
    ['data: a\n\n', [frame('a')]],
    ['id: 7\ndata: a\ndata: b\n\n', [frame('a\nb', '7')]],
    ['data:a\r\n\r\ndata:b\r\r', [frame('a'), frame('b')]],
    [': still here\n\n', []],
    [': moved\nid: 9\n\n', [frame(undefined, '9')]],
    ['retry: 1500\nid: 1\n\n', [frame(undefined, '1', 1500)]],
    ['retry: soon\ndata: a\n\n', [frame('a')]],
    ['data\n\n', [frame('')]],
    ['data: cut off\n', []],
    ['colour: red\n\n', [frame(undefined)]],
  ])('%j', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it('are the same however the bytes are cut', () => {
    const text = 'retry: 5\r\nid: 1\r\n\r\n: x\n\nid: 2\ndata: {"a":"ü"}\n\rdata: b\r\rdata: c\n\n';
    const bytes = new TextEncoder().encode(text);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }));
    return fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const edges = [0, ...places.toSorted((a, b) => a - b), bytes.length];
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            edges
              .slice(1)
              .forEach((end, index) => controller.enqueue(bytes.slice(edges[index], end)));
            controller.close();
          },
        });
        const frames = [];
        for await (const one of framesOf(body)) frames.push(one);
        expect(frames).toEqual(parse(text));
      }),
    );
  });
});
