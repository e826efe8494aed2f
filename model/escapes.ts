/**
 * How one character may be written where texts are escaped: in a URL, in JSON and in JSON within
 * JSON, in HTML, quoted for a shell, as bytes of UTF-8, or read in the wrong encoding. A program
 * may escape one character and leave the next as it is, so a text is looked for character by
 * character.
 */

export interface Spellings {
  /** As it stands. */
  readonly plain: readonly string[];
  /** In lower case: the digits and letters of an escape may stand in either. */
  readonly escaped: readonly string[];
}

/** So often may JSON stand within JSON, and a URL within a URL. */
const LEVELS = 3;
const IN_HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
/** Between the letters of a text that programs print in lines of one length. */
const LINE_BREAKS = ['\n', '\r\n', String.raw`\n`, String.raw`\r\n`];

/** `wrapped`: a line may end before it. */
export function spellingsOf(character: string, wrapped: boolean): Spellings {
  const plain = [character, ...wrongEncodings(character)];
  if (character === ' ') plain.push('+');
  if (character === '\n') plain.push('\r\n');
  if (wrapped) plain.push(...LINE_BREAKS.map((end) => end + character));
  const escaped = new Set([
    ...inUrls(character),
    ...inStrings(character),
    ...inHtml(character),
    ...inShells(character),
  ]);
  return { plain, escaped: [...escaped].map((each) => each.toLowerCase()) };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function bytesAs(character: string, form: (byte: number) => string): string {
  return [...Buffer.from(character)].map(form).join('');
}

/** What one sees who reads UTF-8 as Latin-1, or the other way round. */
function wrongEncodings(character: string): string[] {
  if (character <= '\u007f') return [];
  const read = Buffer.from(character).toString('latin1');
  return character <= '\u00ff' ? [read, '\ufffd'] : [read];
}

function inUrls(character: string): string[] {
  return Array.from({ length: LEVELS }, (_, level) =>
    bytesAs(character, (byte) => `%${'25'.repeat(level)}${hex(byte, 2)}`),
  );
}

/** JSON, and what languages and shells write between quotes. */
function inStrings(character: string): string[] {
  const point = character.codePointAt(0) ?? 0;
  const forms = [
    JSON.stringify(character).slice(1, -1),
    character
      .split('')
      .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
      .join(''),
    `\\u{${hex(point, 1)}}`,
    `\\U${hex(point, 8)}`,
    bytesAs(character, (byte) => `\\x${hex(byte, 2)}`),
    bytesAs(character, (byte) => `\\${byte.toString(8).padStart(3, '0')}`),
  ];
  if (point <= 0xff) forms.push(`\\x${hex(point, 2)}`);
  if (/[^\p{L}\p{N}\p{Cc}]/u.test(character)) forms.push(`\\${character}`);
  if (character === '\n') forms.push(String.raw`\r\n`);
  return forms.flatMap((form) => {
    const levels = [form];
    while (levels.length < LEVELS) levels.push(JSON.stringify(levels.at(-1)).slice(1, -1));
    return levels;
  });
}

function inHtml(character: string): string[] {
  const point = character.codePointAt(0) ?? 0;
  const named = IN_HTML[character];
  const numbers = [`&#${point};`, `&#x${hex(point, 1)};`, `&#x${hex(point, 2)};`];
  return named === undefined ? numbers : [named, ...numbers];
}

/** Between single quotes. */
function inShells(character: string): string[] {
  return character === "'" ? [`'\\''`, `'"'"'`] : [];
}
