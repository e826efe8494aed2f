/**
 * Every block of code in every page, as the page's reader would use it.
 *
 * | Block | What happens with it |
 * |---|---|
 * | `yaml` | a whole file of Tutti: deployed; a workflow runs to its end, with the rest of the info string as options of `tutti run` |
 * | `yaml started` | its run is started and left open, for what the page does next |
 * | `yaml validated` | it names a system that is not here: validated only |
 * | `yaml fragment` | a task or a part of a file: completed by a frame, then validated |
 * | `yaml systems` | a systems file: a server starts with it, with a made-up value for each secret and variable |
 * | `yaml foreign` | a file of another program: read as YAML |
 * | `sh` | runs in the page's shell, in order |
 * | `sh server` | starts, says where it listens, and stays until the page ends |
 * | `sh parsed` | needs what is not here: its commands are parsed by the program itself |
 * | `ini` | a unit of systemd: its commands are parsed |
 * | `ts` | its types are checked, and it runs |
 * | `json`, `text`, `sql` | `json` is read; the others are no commands of Tutti |
 *
 * `exits=1` says how a run or a block ends.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ROOT, listFiles } from '../house/source.ts';
import { blocksOf, hiddenIn, type Block } from './blocks.ts';
import { framed } from './frame.ts';
import { Session } from './session.ts';
import { wordProblems } from './words.ts';

const PAGE_LIMIT_MS = 300_000;
const documentSchema = z.looseObject({
  workflow: z.string().optional(),
  pool: z.string().optional(),
});

type Play = (
  block: Block,
  session: Session,
  options: readonly string[],
) => Promise<string[]> | string[];

const yaml: Readonly<Record<string, Play>> = {
  // Deploying and running begin with what `tutti validate` does.
  whole: (block, session, options) => {
    const name = kept(block, session);
    const words = name.startsWith('pool-') ? ['deploy', name] : ['run', name, ...options];
    return done(session, block, words);
  },
  started: async (block, session, options) => {
    const name = kept(block, session);
    return done(session, block, ['run', name, '--detach', ...options]);
  },
  validated: async (block, session) => {
    const name = kept(block, session);
    const needless = /\bsystem:/.test(block.text) ? [] : ['it could run: no system is named'];
    return [...needless, ...(await validated(session, name))];
  },
  fragment: async (block, session) => {
    session.write('fragment.yaml', framed(block.text));
    return validated(session, 'fragment.yaml');
  },
  systems: async ({ text }, session) => {
    session.write('systems.yaml', text);
    session.makeUp(text);
    await session.serve('tutti serve');
    return [];
  },
  foreign: ({ text }) =>
    parseAllDocuments(text).flatMap(({ errors, warnings }) => [...errors, ...warnings].map(String)),
};

const shell: Readonly<Record<string, Play>> = {
  whole: async (block, session) => {
    const { code, out, err } = await session.shell(block.text);
    return [
      ...wordProblems(block.text),
      ...(code === expected(block) ? [] : [`ended with ${code}: ${out}${err}`]),
    ];
  },
  server: async (block, session) => {
    await session.serve(block.text);
    return wordProblems(block.text);
  },
  parsed: ({ text }) => wordProblems(text),
};

const nothing: Play = () => [];
const LANGUAGES: Readonly<Record<string, Readonly<Record<string, Play>>>> = {
  yaml,
  sh: shell,
  ini: { whole: ({ text }) => wordProblems(text) },
  json: { whole: ({ text }) => (JSON.parse(text) === undefined ? ['is empty'] : []) },
  // What the demonstration printed; `tests/end-to-end/certificate.db.test.ts` compares.
  text: { whole: nothing, demo: nothing, show: nothing },
  sql: { whole: nothing },
  ts: {
    whole: async ({ text }, session) => {
      const { code, out, err } = await session.program(text);
      return code === 0 && err === '' ? [] : [out + err];
    },
  },
};

function expected({ marks }: Block): number {
  return Number(marks.find((mark) => mark.startsWith('exits='))?.slice('exits='.length) ?? 0);
}

/** Writes the file as a reader would save it: `close-order.yaml`. */
function kept({ text }: Block, session: Session): string {
  const { workflow, pool } = documentSchema.parse(parse(text));
  const name = workflow === undefined ? `pool-${pool ?? ''}.yaml` : `${workflow}.yaml`;
  session.write(name, text);
  return name;
}

async function validated(session: Session, name: string): Promise<string[]> {
  const { code, out, err } = await session.tutti('validate', name);
  return code === 0 ? [] : [out + err];
}

async function done(session: Session, block: Block, words: string[]): Promise<string[]> {
  const { code, out, err } = await session.tutti(...words);
  return code === expected(block)
    ? []
    : [`tutti ${words.join(' ')} ended with ${code}: ${out}${err}`];
}

async function play(block: Block, session: Session): Promise<string[]> {
  const plays = LANGUAGES[block.language];
  if (plays === undefined)
    return [`names no language that has a meaning here: "${block.language}"`];
  const [mark = 'whole', ...rest] = block.marks.filter((word) => !word.startsWith('exits='));
  const named = Object.hasOwn(plays, mark) ? mark : 'whole';
  const options = named === 'whole' && mark !== 'whole' ? [mark, ...rest] : rest;
  if (options.length > 0 && block.language !== 'yaml')
    return [`"${options.join(' ')}" is no mark of ${block.language}`];
  return (await plays[named]?.(block, session, options)) ?? [];
}

const pages = listFiles().filter((path) => path.endsWith('.md') && path !== 'CHANGELOG.md');

describe('what the pages say in code', () => {
  it.each(pages)('%s', { timeout: PAGE_LIMIT_MS }, async (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const found = hiddenIn(page, text).map(
      ({ line }) => `${page}:${line} hides code by indentation: fence it`,
    );
    const session = new Session(page);
    try {
      for (const block of blocksOf(page, text)) {
        const problems = await play(block, session);
        found.push(...problems.map((problem) => `${page}:${block.line} ${problem}`));
      }
    } finally {
      await session.close();
    }
    expect(found.join('\n')).toBe('');
  });
});
