/** The page of the manual that says what was tried. */
import type { Result, Row } from './steps.ts';

export function pageOf(rows: readonly Row[], at: Date): string {
  const lines = rows.map(({ node, postgres, results }) => {
    const { build, unit, demo, kill } = results;
    const cells = [node, postgres, cell(build), cell(unit), cell(demo), cell(kill)];
    return `| ${cells.join(' | ')} |`;
  });
  return `# Compatibility

Tutti needs Node 20.19 or newer and PostgreSQL 14 or newer. \`npm run compat\` tries it on the Node and PostgreSQL
versions below and prints this page; it was last run on ${at.toISOString().slice(0, 10)}.

| Node | PostgreSQL | Build | Unit tests | Demonstration | Kill test, 10 rounds |
|---|---|---|---|---|---|
${lines.join('\n')}

The unit tests, which need no database, run once for each Node version. The build, the demonstration and the kill test run
for each pair, on the embedded server of that PostgreSQL version. The whole test suite runs on each change, on Node 20 with the embedded
PostgreSQL 18 and with the PostgreSQL of the machine; on the newest Node each change starts what was built, runs a workflow and runs the
tests of \`model\`, \`language\`, \`protocol\` and \`kernel\`.
`;
}

function cell(result: Result | undefined): string {
  if (result === undefined) return '';
  return result.passed ? `passed (${result.seconds} s)` : '**failed**';
}
