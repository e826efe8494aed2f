/** What the tests of the pages stand on: that no block escapes them, and that a wrong word is found. */
import { describe, expect, it } from 'vitest';
import { blocksOf, hiddenIn } from './blocks.ts';
import { commandsOf, wordProblems } from './words.ts';

const PAGE = `# Page

\`\`\`sh exits=1
tutti runs   # all of them
\`\`\`

- An item
    of two lines

    tutti show RUN

\`\`\`\`text
\`\`\`
\`\`\`\`
`;

describe('blocks', () => {
  it('are found with their language, marks and line', () => {
    expect(blocksOf('page.md', PAGE)).toEqual([
      {
        page: 'page.md',
        line: 3,
        language: 'sh',
        marks: ['exits=1'],
        text: 'tutti runs   # all of them\n',
      },
      { page: 'page.md', line: 12, language: 'text', marks: [], text: '```\n' },
    ]);
  });

  it('are not hidden by indentation', () => {
    expect(hiddenIn('page.md', PAGE)).toEqual([{ page: 'page.md', line: 10 }]);
  });

  it('end', () => {
    expect(() => blocksOf('page.md', '```sh\n')).toThrow('page.md:1');
  });
});

describe('words', () => {
  it('are split as a shell splits them', () => {
    expect(
      commandsOf(
        `A=1 tutti run x -i 'a b=c d' --reason "e f" # g\ntutti a >x.json 2> y && tutti b#c | jq > z`,
      ),
    ).toEqual([
      ['A=1', 'tutti', 'run', 'x', '-i', 'a b=c d', '--reason', 'e f'],
      ['tutti', 'a'],
      ['tutti', 'b#c'],
      ['jq'],
    ]);
  });

  it('are what the program understands', () => {
    expect(wordProblems('npx tutti runs --limit 3 --json\nTUTTI_URL=x tutti why RUN a\n')).toEqual(
      [],
    );
    expect(wordProblems('tutti rnus')[0]).toContain("unknown command 'rnus'");
    expect(wordProblems('tutti runs --limitt 3')[0]).toContain('--limitt');
    expect(wordProblems('tutti skip RUN')[0]).toContain("missing required argument 'task'");
    expect(wordProblems('npm run bench && npm run benhc')).toEqual([
      'package.json has no script "benhc"',
    ]);
  });
});
