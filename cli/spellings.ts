/**
 * How a secret may be written where it is printed: as it is, in a URL, in JSON, quoted for a
 * shell, in base64, line by line. Each spelling is blacked out like the secret itself.
 *
 * In base64 a text looks different by where it begins, in three ways. The letters at its two ends
 * depend on its neighbours, so those between them are looked for, where they are enough not to
 * stand in any base64 by chance.
 */
import { Redactor } from '../model/redactor.ts';
import { SECRET_MIN_LENGTH } from './secrets.ts';

/** 48 bits: in all the base64 that anybody ever logs, not once by chance. */
const BASE64_MIN_LENGTH = 8;
/** Lines of a secret of several lines: shorter ones are brackets and words. */
const LINE_MIN_LENGTH = 16;

/** Undefined where there is nothing to black out: then it costs nothing. */
export function redactorOf(
  secrets: Iterable<string>,
  pairs: Iterable<string> = [],
): Redactor | undefined {
  const all = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < SECRET_MIN_LENGTH) continue;
    for (const spelling of [secret, ...linesOf(secret)].flatMap(spellingsOf)) all.add(spelling);
  }
  for (const pair of pairs) for (const spelling of base64Of(pair)) all.add(spelling);
  const known = [...all].filter((spelling) => spelling.length >= SECRET_MIN_LENGTH);
  return known.length === 0 ? undefined : new Redactor(known);
}

/** A key of many lines is printed by parts as well. Its first and last line are the same for all. */
function linesOf(secret: string): string[] {
  if (!secret.includes('\n')) return [];
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line.length >= LINE_MIN_LENGTH && !line.startsWith('-----'));
}

function spellingsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(Buffer.from(secret).toString());
  return [
    secret,
    secret.replaceAll('\n', '\r\n'),
    json,
    JSON.stringify(json).slice(1, -1),
    json.replaceAll(/[^\x20-\x7e]/g, escaped),
    json.replaceAll(/[&<>]/g, escaped),
    json.replaceAll('/', '\\/'),
    url,
    url.replaceAll('%20', '+'),
    url.toLowerCase().includes('%') ? url.replaceAll(/%../g, (code) => code.toLowerCase()) : url,
    new URLSearchParams([['', secret]]).toString().slice(1),
    secret.replaceAll("'", "'\\''"),
    secret.replaceAll("'", `'"'"'`),
    secret
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;'),
    // One who reads it in the wrong encoding prints it so.
    Buffer.from(secret, 'latin1').toString('utf8'),
    Buffer.from(secret, 'utf8').toString('latin1'),
    ...base64Of(secret),
  ];
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
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
