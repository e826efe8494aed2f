/** The lock among processes that all want it all the time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SOURCE = new URL('./pipe-lock.ts', import.meta.url).href;
const TURNS = 25;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Takes the lock `TURNS` times; whoever has it makes a folder that only one can make. */
async function contender(): Promise<{ code: number | null; said: string }> {
  const code = `
    const { closeSync, mkdirSync, rmdirSync } = await import('node:fs');
    const { PipeLock } = await import(${JSON.stringify(SOURCE)});
    const lock = new PipeLock(${JSON.stringify(folder)}, 'lock');
    for (let turn = 0; turn < ${TURNS}; ) {
      const held = lock.take();
      if (held === null) continue;
      mkdirSync(${JSON.stringify(join(folder, 'alone'))});
      rmdirSync(${JSON.stringify(join(folder, 'alone'))});
      closeSync(held.descriptor);
      turn += 1;
    }
  `;
  const node = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', code];
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [status] = await once(child, 'close');
  return { code: status, said };
}

describe('the lock of a pipe', () => {
  it('has one holder at a time, and no asker fails, however they meet', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, contender));
    expect(all).toEqual(Array.from({ length: 4 }, () => ({ code: 0, said: '' })));
    expect(readdirSync(folder)).toEqual([`lock.${4 * TURNS - 1}`]);
  });
});
