/** The contract, against real processes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { type Counterpart, conformance } from '../kit/conformance.ts';
import { shell } from './connector.ts';

const EFFECT = 'echo done >>effects';

async function open(): Promise<Counterpart> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tutti-shell-'));
  return {
    config: {},
    directory,
    stateDirectory: path.join(directory, 'state'),
    fresh: async () => {
      vi.resetModules();
      return (await import('./connector.ts')).shell;
    },
    close: async () => await rm(directory, { recursive: true }),
  };
}

async function effects({ directory }: Counterpart): Promise<number> {
  const text = await readFile(path.join(directory, 'effects'), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

const LINE = 'zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 🥊\n';
const printed = `i=0; while [ $i -lt 3000 ]; do printf '%s\\n' "$LINE"; i=$((i+1)); done`;

conformance(shell, open, {
  jobs: [
    {
      action: 'shell.run',
      with: {
        script: `${EFFECT}; ${printed}; echo oops >&2; printf '{"order":"%s"}' "$ORDER" >"$TUTTI_OUTPUT"`,
        env: { ORDER: 'a"$(b)', LINE: LINE.trimEnd() },
        output: 'text',
      },
      output: { exitCode: 0, warned: false, text: '{"order":"a"$(b)"}' },
      effects,
      log: { out: LINE.repeat(3000), err: 'oops\n' },
      endless: { script: 'sleep 1000 & sleep 1000' },
      stubborn: {
        script: "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo up; wait",
      },
    },
  ],
  failures: [
    {
      title: 'an exit code',
      action: 'shell.run',
      with: { script: 'exit 7' },
      class: 'failed',
      code: 'shell.exit',
      native: { exitCode: 7 },
    },
    {
      title: 'an exit code declared transient',
      action: 'shell.run',
      with: { script: 'exit 75', 'exit-codes': { transient: [75] } },
      class: 'transient',
      code: 'shell.exit',
    },
    {
      title: 'an exit code declared rejected',
      action: 'shell.run',
      with: { script: 'exit 65', 'exit-codes': { rejected: [65] } },
      class: 'rejected',
      code: 'shell.exit',
    },
    {
      title: 'an end by signal',
      action: 'shell.run',
      with: { script: 'kill -KILL $$' },
      class: 'failed',
      code: 'shell.signal',
      native: { exitCode: 137, signal: 'SIGKILL' },
    },
    {
      title: 'a command that is not there',
      action: 'shell.run',
      with: { command: 'no-such-command-anywhere' },
      class: 'failed',
      code: 'shell.exit',
      native: { exitCode: 127 },
    },
    {
      title: 'a working folder that is not there',
      action: 'shell.run',
      with: { command: 'true', cwd: 'nowhere' },
      class: 'rejected',
      code: 'shell.not-started',
    },
    {
      title: 'a script longer than the system takes',
      action: 'shell.run',
      with: { script: `: ${'x'.repeat(200_000)}` },
      class: 'rejected',
      code: 'shell.not-started',
    },
    {
      title: 'an output of 300 kB',
      action: 'shell.run',
      with: { script: 'head -c 300000 /dev/zero', output: 'text' },
      class: 'rejected',
      code: 'output.too-large',
    },
    {
      title: 'an output that is not the JSON it should be',
      action: 'shell.run',
      with: { script: 'echo not JSON', output: 'json' },
      class: 'rejected',
      code: 'shell.output',
    },
    {
      title: 'a supervisor that was killed',
      action: 'shell.run',
      with: { script: 'kill -KILL $PPID' },
      class: 'lost',
      code: 'shell.lost',
    },
  ],
});
