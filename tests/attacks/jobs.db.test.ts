/** What a job leaves and what it reaches for: it ends as rejected, and nobody else notices, after a restart neither. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../requires.ts';
import { type Attacked, underAttack } from './harness.ts';

const LEAVES = `workflow: leaves
inputs: { script: { type: string } }
timeout: 5m
tasks:
  job:
    action: shell.run
    with: { script: 'cd "$(dirname "$TUTTI_OUTPUT")"; eval "$SCRIPT"', env: { SCRIPT: "\${{ inputs.script }}" }, output: text }
`;

let attacked: Attacked;
beforeAll(async () => {
  attacked = await underAttack();
  await attacked.deploy(LEAVES);
});
afterAll(() => attacked.close());

const leave = (script: string) => attacked.start('leaves', { inputs: { script } });

async function failureOf(run: string) {
  return (await attacked.show(run)).taskViews[0].failure;
}

/** Nothing for one that is gone, and for one that nobody has collected yet. */
function commandOf(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

describe('a job', () => {
  it.each([
    ['a pipe as its result', 'mkfifo output', 'a pipe'],
    ['a folder as its result', 'mkdir output', 'a folder'],
    ['an endless device as its result', 'ln -s /dev/zero output', 'a link'],
    ['pipes as its log', 'rm out err; mkfifo out err', 'a pipe'],
    ['a pipe as its claim', 'rm state.0; mkfifo state.0 state.1', 'a pipe'],
    ['a link as its claim', 'rm state.0; ln -s /dev/zero state.0', 'a link'],
  ])('that leaves %s is rejected', async (_title, script, what) => {
    const run = await leave(script);
    expect(await attacked.ended(run)).toBe('failed');
    const failure = await failureOf(run);
    expect(failure).toMatchObject({ class: 'rejected', code: 'shell.output' });
    expect(failure.message).toContain(what);
    await attacked.survived({ guilty: run });
  });

  it('that puts pipes everywhere and goes on is there after a restart, and can be cancelled', async () => {
    const everything =
      'for f in output state.1 cancel force; do mkfifo $f; done; rm out state.0; mkfifo out state.0';
    const run = await leave(`${everything}; echo up >&2; sleep 1000`);
    for (let text = ''; !text.includes('up'); ) {
      text = (await attacked.ask('GET', `/runs/${run}/logs?wait=20s`)).text;
    }
    await attacked.restart();
    await attacked.survived();
    expect(await attacked.end(run)).toBe('cancelled');
    await attacked.survived({ guilty: run });
  });
});

requires(
  '/proc',
  process.platform === 'linux',
  'Linux',
)('a process that left its job', () => {
  it('is gone when the run is cancelled', async () => {
    const run = await leave('setsid sh -c "echo pid=\\$\\$ >&2; exec sleep 1000" & wait');
    let pid = 0;
    while (pid === 0) {
      const { text } = await attacked.ask('GET', `/runs/${run}/logs?wait=20s`);
      pid = Number(/pid=(\d+)/.exec(text)?.[1] ?? 0);
    }
    expect(await attacked.end(run)).toBe('cancelled');
    expect(commandOf(pid)).toBe('');
    await attacked.survived({ guilty: run });
  });
});
