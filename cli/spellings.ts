/**
 * What is blacked out: secrets as they are and line by line, and what programs make of a whole
 * secret: other encodings of its characters, base64, hexadecimal digits, quoted-printable. How single
 * characters may be escaped knows the redactor.
 *
 * In base64 a text looks different by where it begins, in three ways. The letters at its two ends
 * depend on its neighbours, so those between them are looked for, where they are enough not to
 * stand in any base64 by chance.
 */
import { Redactor } from '../model/redactor.ts';
import { SECRET_MIN_LENGTH } from './secrets.ts';

/** 48 bits: in all the base64 that anybody ever logs, not once by chance. */
const BASE64_MIN_LENGTH = 8;
const HEX_MIN_LENGTH = 12;
/** Keys and certificates: what is looked for has to stay in memory. Their lines are looked for as well. */
const LONG_LENGTH = 1_024;
/** Lines of a secret of several lines: shorter ones are brackets and words. */
const LINE_MIN_LENGTH = 16;

/** Undefined where there is nothing to black out: then it costs nothing. */
export function redactorOf(
  secrets: Iterable<string>,
  pairs: Iterable<string> = [],
): Redactor | undefined {
  const known = [...secrets].filter((secret) => secret.length >= SECRET_MIN_LENGTH);
  const plain = known.flatMap((secret) => [secret, ...linesOf(secret)]).flatMap(encodingsOf);
  // PostgreSQL writes bytes as \\x and their digits, which is an escape elsewhere.
  const texts = [...plain, ...known.flatMap(digitsOf)];
  const letters = [
    ...known.flatMap(lettersOf),
    ...[...pairs].flatMap((pair) => base64Of(utf8(pair))),
  ];
  return texts.length + letters.length === 0
    ? undefined
    : new Redactor([...new Set(texts)], [...new Set(letters)]);
}

/** A key of many lines is printed by parts as well. Its first and last line are the same for all. */
function linesOf(secret: string): string[] {
  if (!secret.includes('\n')) return [];
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line.length >= LINE_MIN_LENGTH && !line.startsWith('-----'));
}

function encodingsOf(secret: string): string[] {
  if (secret.length > LONG_LENGTH) return [secret];
  const all = [
    secret,
    secret.replaceAll('\n', '\r\n'),
    secret.replaceAll(/\r?\n/g, ''),
    quotedPrintable(secret),
  ];
  if (/^[\0-\x7f]*$/.test(secret)) return all;
  all.push(secret.normalize('NFC'), secret.normalize('NFD'), utf8(secret).toString('latin1'));
  // Bytes of Latin-1, which some programs write as \\xe4 beside characters of other alphabets.
  all.push(secret.replaceAll(/[\x80-\xff]/g, (each) => `%${hexOf(Buffer.from(each, 'latin1'))}`));
  const seen = /^[\0-\xff]*$/.test(secret) ? Buffer.from(secret, 'latin1').toString('utf8') : '';
  if (seen.replaceAll('\ufffd', '').length >= SECRET_MIN_LENGTH) all.push(seen);
  return all;
}

function quotedPrintable(secret: string): string {
  return secret.replaceAll(/=|[^\0-\x7f]+/g, (each) =>
    [...utf8(each)].map((byte) => `=${hexOf(Buffer.of(byte)).toUpperCase()}`).join(''),
  );
}

function lettersOf(secret: string): string[] {
  if (secret.length > LONG_LENGTH) return [...base64Of(utf8(secret)), hexOf(utf8(secret))];
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replaceAll(/[^\0-\x7f]/g, (each) => {
    return `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  const inBase64 = [...new Set([secret, json, ascii])].map(utf8);
  return [...[...inBase64, Buffer.from(secret, 'utf16le')].flatMap(base64Of), ...digitsOf(secret)];
}

function digitsOf(secret: string): string[] {
  if (secret.length > LONG_LENGTH) return [];
  const digits = hexOf(utf8(secret));
  return digits.length < HEX_MIN_LENGTH ? [] : [digits, digits.toUpperCase()];
}

function utf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex');
}

function base64Of(bytes: Buffer): string[] {
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const parts = [0, 1, 2].map((before) => {
    const letters = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Letters that hold no bit of the neighbours.
    const first = Math.ceil((before * 8) / 6);
    return letters.slice(first, Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [whole, ...parts.filter((each) => each.length >= BASE64_MIN_LENGTH)];
}
