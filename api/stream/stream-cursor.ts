/**
 * The `id` of an event in a stream: the place right after it. In the stream of one run the number
 * of the event stands behind it, so that the run's history can be read on from there, however
 * far the feed has gone meanwhile: `<position>~<seq>`.
 */
import type { FeedPosition } from '../../journal/feed.ts';
import { TuttiError } from '../../model/errors.ts';

export interface StreamCursor {
  readonly position: FeedPosition;
  readonly seq: number | null;
}

export function writeStreamCursor({ position, seq }: StreamCursor): string {
  return seq === null ? position : `${position}~${seq}`;
}

export function readStreamCursor(text: string): StreamCursor {
  const [position = '', seq, ...more] = text.split('~');
  const isPlace = /^[\w.:-]+$/.test(position) && more.length === 0;
  if (isPlace && seq === undefined) return { position, seq: null };
  if (isPlace && seq !== undefined && /^(-1|\d{1,9})$/.test(seq))
    return { position, seq: Number(seq) };
  throw new TuttiError(
    'request.invalid',
    `Last-Event-ID ${JSON.stringify(text)} is no id of an event of this stream.`,
  );
}
