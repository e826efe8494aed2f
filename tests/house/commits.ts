/**
 * Subjects of commits: `room: do this`, an imperative in lower case. They are read years later as a list
 * of what was done, and a list of riddles is read by no one. The verbs are a list: a new one is added
 * on purpose, and a noun in its place is noticed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Subjects from here on are judged. */
const SINCE = 'b62ce4a744e4';
/** Of a clone that is too shallow to know it. */
const AT_MOST = 200;

const VERBS = new Set(
  `add adopt allow answer ask bear begin bound bring build call carry check choose claim clear close commit compare
count decide declare delete derive do draw drop end explain export extract find fix fold follow forbid generate give
group guard halt handle hold hide import install introduce judge keep know lead learn leave let limit list load lock
log look make mask measure mend merge move name note notice number offer open pack pass pin prefer prepare print prove
publish put raise rank reach read rebuild record refuse reject release remove rename render repair replace report
require resolve restart restore retain retry return review rewrite route run save say schedule search see send separate
serve set settle share show shrink simplify skip sort speak split start state stop store support swallow take teach
tell test tidy trace translate trust try turn unify update use validate wait wake warn watch work wrap write`.split(
    /\s+/,
  ),
);

/** What is wrong with a subject; undefined: nothing. */
export function subjectFault(subject: string): string | undefined {
  const [, verb] = /^[a-z][\w/ .,-]*: (\S+)/.exec(subject) ?? [];
  if (verb === undefined) return `"${subject}" is not "room: do this"`;
  if (VERBS.has(verb)) return undefined;
  return `"${subject}" does not begin with an imperative that is known: "${verb}" (tests/house/commits.ts)`;
}

/** Of the commits that are no merges, the newest first; none where there is no history. */
export function subjectsOf(root: string): string[] {
  if (!existsSync(join(root, '.git'))) return [];
  const log = (...range: string[]): string[] =>
    execFileSync('git', ['log', '--no-merges', '--format=%s', `--max-count=${AT_MOST}`, ...range], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .split('\n')
      .filter(Boolean);
  try {
    return log(`${SINCE}..HEAD`);
  } catch {
    // The clone does not reach back to it: its newest commit is judged.
    return log('HEAD').slice(0, 1);
  }
}
