/**
 * Addresses with values in them. Whoever writes `customers/${{ inputs.id }}` means one customer:
 * a value in the midst of an address stays the one part that it stands in, whatever it holds.
 *
 *   path    one segment: `a/b` becomes `a%2Fb`; nothing, `.` and `..` are refused
 *   query   one name or value
 *   host    letters, digits, dots, hyphens and a port, else refused
 *   start   a whole `https://…` stays what it is, anything else is a segment
 */
import { ExpressionError } from './failure.ts';

export interface AddressPart {
  readonly text: string;
  /** It comes from an expression. */
  readonly isValue: boolean;
}

const WHOLE = /^https?:\/\//i;
const IN_HOST = /^[a-z][a-z0-9+.-]*:[\\/]{2}[^\\/?#]*$/i;
const HOST = /^(?:[A-Za-z0-9._-]*(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)$/;
const DOTS = /^(?:\.|%2e){1,2}$/i;

/** Throws ExpressionError for a value that cannot be what its place makes of it. */
export function weaveAddress(parts: readonly AddressPart[]): string {
  let address = '';
  /** The path's segment that is being written, when a value stands in it. */
  let open: string | undefined;
  for (const { text, isValue } of parts) {
    if (isValue) {
      const isSegment = !isBeyondPath(address) && !IN_HOST.test(address) && address !== '';
      const woven = weave(address, text);
      if (isSegment || (address === '' && !WHOLE.test(text))) {
        open = `${open ?? lastSegmentOf(address)}${woven}`;
      }
      address += woven;
    } else {
      const border = text.search(/[\\/?#]/);
      if (open !== undefined) {
        open += border === -1 ? text : text.slice(0, border);
        if (border !== -1) open = closed(open);
      }
      address += text;
    }
  }
  if (open !== undefined) closed(open);
  return address;
}

function isBeyondPath(address: string): boolean {
  return /[?#]/.test(address);
}

function lastSegmentOf(address: string): string {
  return address.slice(Math.max(address.lastIndexOf('/'), address.lastIndexOf('\\')) + 1);
}

function closed(segment: string): undefined {
  if (segment === '') {
    throw new ExpressionError('a value in the address is empty, and would make another of it');
  }
  if (DOTS.test(segment)) {
    throw new ExpressionError(`a value makes the segment "${segment}" of the address`);
  }
  return undefined;
}

function weave(address: string, value: string): string {
  if (address === '' && WHOLE.test(value)) return value;
  if (IN_HOST.test(address)) {
    if (HOST.test(value)) return value;
    throw new ExpressionError(`the value ${shown(value)} cannot stand in the host of an address`);
  }
  // Some servers read `..%2F` as if the slash were one.
  if (!isBeyondPath(address) && value.split(/[\\/]/).some((part) => /^\.{1,2}$/.test(part))) {
    throw new ExpressionError(`the value ${shown(value)} would lead to another place`);
  }
  if (!value.isWellFormed()) {
    throw new ExpressionError(`the value ${shown(value)} is no text that an address can hold`);
  }
  return encodeURIComponent(value);
}

function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
