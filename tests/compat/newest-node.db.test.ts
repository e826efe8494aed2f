/**
 * The newest Node that Tutti promises to run on, on each change: what was built starts and runs a workflow,
 * and the rooms without I/O keep their tests. All versions, and all tests: `npm run compat`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Ended, runChild } from '../child.ts';
import { ROOT } from '../house/source.ts';
import { requires } from '../requires.ts';
import { NODES } from './programs.ts';

const newest = Math.max(...NODES);
const program = process.env['TUTTI_NEWEST_NODE'] ?? '';
const wanted = `node-${process.platform}-${process.arch}@${newest}`;
const WHY = `npm install --prefix DIR ${wanted}, then TUTTI_NEWEST_NODE=DIR/node_modules/…/bin/node`;
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'pure'];
const PURE_ROOMS = ['model/', 'language/', 'protocol/', 'kernel/'];

const onNewest = (...words: string[]): Promise<Ended> =>
  runChild(program, words, { cwd: ROOT, limitMs: 110_000 });

requires(
  `Node ${newest}`,
  existsSync(program),
  WHY,
)(`Node ${newest}`, () => {
  let data: string;
  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'tutti-newest-node-'));
  });
  afterAll(() => rmSync(data, { recursive: true, force: true }));

  it('is the newest that is tried', async () => {
    const { out } = await onNewest('--version');
    expect(out).toMatch(new RegExp(`^v${newest}\\.`));
  });

  it('starts what was built, and runs the workflow of the first page', async () => {
    const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(text));
    expect((await onNewest('cli/tutti.js', '--version')).out.trim()).toBe(version);
    const ended = await onNewest('cli/tutti.js', 'run', 'examples/hello.yaml', '--data', data);
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.err + ended.out).toContain('the run succeeded');
    // A Node that warns of what Tutti uses will soon not have it.
    expect(ended.err + ended.out).not.toMatch(/\w+Warning:/);
  });

  it('keeps the tests of the rooms that are pure', async () => {
    const { code, out, err } = await onNewest(...VITEST, ...PURE_ROOMS);
    expect(code === 0 ? '' : out + err).toBe('');
    expect(out).toMatch(/Test Files +\d+ passed/);
  });
});
