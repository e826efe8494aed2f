/**
 * The test command. Runs every check in order, stops at none, and ends with one line:
 * `N passed, N failed`. Build, format and lint count as one check each; plain JavaScript,
 * so that it can report a build that fails.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const CHECKS = [
  { name: 'build', bin: 'typescript/bin/tsc', args: ['-b'] },
  { name: 'format', bin: '@biomejs/biome/bin/biome', args: ['format', '.'] },
  { name: 'lint', bin: 'oxlint/bin/oxlint', args: ['--type-aware', '--deny-warnings'] },
];

/** Runs a tool of node_modules with this Node, without a shell; true when it ended well. */
function run(bin, args, env = {}) {
  const tool = join(ROOT, 'node_modules', bin);
  const { status, error } = spawnSync(process.execPath, [tool, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error !== undefined) console.error(`${bin} could not be started: ${error.message}`);
  return status === 0;
}

function heading(title) {
  console.log(`\n=== ${title} ${'='.repeat(Math.max(3, 74 - title.length))}`);
}

function runChecks() {
  return CHECKS.map(({ name, bin, args }) => {
    heading(name);
    const passed = run(bin, args);
    console.log(passed ? `${name}: fine` : `${name}: FAILED`);
    return { name, passed };
  });
}

/** `extra` narrows the run: `npm test -- kernel` runs the tests whose path says kernel. */
function runTests(extra) {
  heading('tests');
  const folder = mkdtempSync(join(tmpdir(), 'tutti-tally-'));
  const file = join(folder, 'tally.json');
  const reporters = ['--reporter=default', '--reporter=./tests/tally.ts'];
  try {
    const ended = run('vitest/vitest.mjs', ['run', ...reporters, ...extra], { TUTTI_TALLY: file });
    const tally = JSON.parse(readFileSync(file, 'utf8'));
    const silent = !ended && tally.failures.length === 0;
    return silent ? { ...tally, failures: ['vitest ended badly and did not say why'] } : tally;
  } catch (error) {
    return { passed: 0, skipped: [], failures: [`vitest left no tally: ${error.message}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function summarize(checks, tally) {
  heading('summary');
  for (const title of tally.skipped) console.log(`skipped  ${title}`);
  const failures = [
    ...checks.filter((check) => !check.passed).map((check) => check.name),
    ...tally.failures,
  ];
  for (const title of failures) console.log(`failed   ${title}`);
  const passed = checks.length + tally.passed - checks.filter((check) => !check.passed).length;
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = summarize(runChecks(), runTests(process.argv.slice(2)));
