/**
 * Fenced blocks of Markdown pages. The first word of a block's info string is its language, the
 * rest says how far the tests go with it; `pages.db.test.ts` lists these marks.
 */
export interface Block {
  readonly page: string;
  /** Of the line that opens it. */
  readonly line: number;
  readonly language: string;
  readonly marks: readonly string[];
  readonly text: string;
}

/** What a page says in code and the tests could not see: a block indented by four spaces. */
export interface Hidden {
  readonly page: string;
  readonly line: number;
}

const FENCE = /^(?<indent> *)(?<fence>`{3,})(?<info>[^`]*)$/;

export function blocksOf(page: string, text: string): Block[] {
  return walk(page, text).blocks;
}

export function hiddenIn(page: string, text: string): Hidden[] {
  return walk(page, text).hidden;
}

function walk(page: string, text: string): { blocks: Block[]; hidden: Hidden[] } {
  const blocks: Block[] = [];
  const hidden: Hidden[] = [];
  let open: { line: number; fence: string; indent: number; info: string; body: string[] } | null =
    null;
  let before = '';
  for (const [index, line] of text.split('\n').entries()) {
    const hit = FENCE.exec(line)?.groups;
    if (open === null && hit !== undefined) {
      const { indent = '', fence = '', info = '' } = hit;
      open = { line: index + 1, fence, indent: indent.length, info: info.trim(), body: [] };
    } else if (open !== null && hit !== undefined && hit['fence'] === open.fence) {
      const [language = '', ...marks] = open.info.split(/\s+/);
      blocks.push({ page, line: open.line, language, marks, text: `${open.body.join('\n')}\n` });
      open = null;
    } else if (open === null) {
      // In a list four spaces continue the item; after an empty line elsewhere they are code.
      if (/^ {4}\S/.test(line) && before === '') hidden.push({ page, line: index + 1 });
    } else {
      open.body.push(line.slice(open.indent));
    }
    before = line;
  }
  if (open !== null) throw new Error(`${page}:${open.line} opens a block that does not end`);
  return { blocks, hidden };
}
