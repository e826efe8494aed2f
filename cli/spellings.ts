/**
 * What is blacked out: secrets as they are and line by line, and what programs make of a whole
 * secret: base64 and hexadecimal digits. How single characters may be escaped knows the redactor.
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
/** Lines of a secret of several lines: shorter ones are brackets and words. */
const LINE_MIN_LENGTH = 16;

/** Undefined where there is nothing to black out: then it costs nothing. */
export function redactorOf(
  secrets: Iterable<string>,
  pairs: Iterable<string> = [],
): Redactor | undefined {
  const all = [...secrets]
    .filter((secret) => secret.length >= SECRET_MIN_LENGTH)
    .flatMap((secret) => [secret, ...linesOf(secret)]);
  const wrapped = [...all, ...pairs].flatMap(base64Of).concat(all.flatMap(hexOf));
  return all.length + wrapped.length === 0 ? undefined : new Redactor(all, wrapped);
}

/** A key of many lines is printed by parts as well. Its first and last line are the same for all. */
function linesOf(secret: string): string[] {
  if (!secret.includes('\n')) return [];
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line.length >= LINE_MIN_LENGTH && !line.startsWith('-----'));
}

function hexOf(text: string): string[] {
  const digits = Buffer.from(text).toString('hex');
  return digits.length < HEX_MIN_LENGTH ? [] : [digits, digits.toUpperCase()];
}

function base64Of(text: string): string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const parts = [0, 1, 2].map((before) => {
    const letters = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Letters that hold no bit of the neighbours.
    const first = Math.ceil((before * 8) / 6);
    return letters.slice(first, Math.floor(((before + bytes.length) * 8) / 6));
  });
  const all = [whole, ...parts.filter((each) => each.length >= BASE64_MIN_LENGTH)];
  return all.flatMap((each) => [each, each.replaceAll('+', '-').replaceAll('/', '_')]);
}
