import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeServices, OPEN } from '../api/services.fake.ts';
import type { App } from '../api/app.ts';
import { createApp, listen } from '../api/server.ts';
import type { RunningServer } from '../api/server.ts';
import { cliReference } from './reference.ts';
import { call, ListeningTerminal } from './terminal.fake.ts';

let folder: string;
let services = new FakeServices();
let app: App;
let server: RunningServer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-words-'));
  writeFileSync(join(folder, 'ok.yaml'), 'workflow: ok\ntasks:\n  a: { action: tutti.noop }\n');
  writeFileSync(join(folder, 'bad.yaml'), 'workflow: bad\ntasks: 5\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function tutti(words: readonly string[], environment: Record<string, string> = {}) {
  const terminal = new ListeningTerminal(folder, environment);
  const code = await call(terminal, words).code;
  return { code, out: terminal.said, err: terminal.complained };
}

describe('words', () => {
  it.each([
    [['holt', 'x'], 'Did you mean hold?'],
    [['runs', '--limt', '3'], 'Did you mean --limit?'],
    [['show'], "missing required argument 'run'"],
    [['show', 'a', 'b'], 'too many arguments'],
    [['force', 'r', 't', '--as', 'nice', '--reason', 'x'], 'Allowed choices are succeeded, failed'],
    [['force', 'r', 't', '--as', 'failed'], "required option '--reason <text>'"],
    [['runs', '--limit', '0'], 'whole number above 0'],
    [['serve', '--port', '99999'], 'between 0 and 65535'],
    [['import', 'bpmn', 'ok.yaml'], 'There is no import of "bpmn"'],
    [['import', 'wfformat', 'ok.yaml'], 'ok.yaml is not JSON'],
    [['validate', 'nowhere.yaml'], 'nowhere.yaml cannot be read: it is not there'],
    [['validate', '.'], 'is a folder'],
    [['systems', '--systems', 'nowhere.yaml'], 'cannot be read: it is not there'],
  ])('%j is answered with a sentence and 2', async (words, sentence) => {
    const { code, out, err } = await tutti(words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(sentence);
  });

  it.each([
    ['sub', /sub cannot be read: it is a folder, not a file \(EISDIR\)\. Name a file/],
    ['loop', /loop cannot be read: its symbolic links lead in a circle/],
    ['latin', /latin cannot be read as text\.\n.*latin:1:4 .*not UTF-8.*\n.*save it as UTF-8/],
    ['ok.yaml/below', /below cannot be read: a part of the path is not a folder/],
    ['/dev/zero', /zero cannot be read: it holds more than 64 MB/],
  ])('a file %s is refused in words wherever it is named', async (name, sentence) => {
    mkdirSync(join(folder, 'sub'), { recursive: true });
    rmSync(join(folder, 'loop'), { force: true });
    symlinkSync('loop', join(folder, 'loop'));
    writeFileSync(join(folder, 'latin'), Buffer.from('a: \xe4\n', 'latin1'));
    for (const words of [
      ['systems', '--systems', name],
      ['serve', '--port', '0', '--data', 'data', '--systems', name],
      ['validate', name],
    ]) {
      const { code, out, err } = await tutti(words);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(sentence);
      expect(err).not.toMatch(/^ +at /m);
    }
  });

  it.each(['server.lock.0', 'server.lock'])(
    'a data folder whose %s is a folder is refused in words',
    async (name) => {
      const data = mkdtempSync(join(folder, 'spoiled-'));
      mkdirSync(join(data, name));
      // Should the folder be believed, the systems file ends it.
      const words = ['serve', '--port', '0', '--data', data, '--systems', 'nowhere.yaml'];
      const { code, err } = await tutti(words);
      expect(code).toBe(1);
      expect(err).toContain(`${join(data, name)}: it is a folder, not a file (EISDIR). Name`);
    },
  );

  it('validates files, and prints the schema', async () => {
    expect(await tutti(['validate', 'ok.yaml'])).toMatchObject({ code: 0 });
    const both = await tutti(['validate', 'ok.yaml', 'bad.yaml', '--json']);
    expect(both.code).toBe(2);
    expect(JSON.parse(both.out)).toMatchObject([
      { file: 'ok.yaml', valid: true, workflow: 'ok' },
      { file: 'bad.yaml', valid: false, problems: [{ file: 'bad.yaml', line: 2 }] },
    ]);
    expect(JSON.parse((await tutti(['schema'])).out)).toHaveProperty('properties.tasks');
  });

  it('imports a recording', async () => {
    const tasks = [{ id: 'a' }, { id: 'b', parents: ['a'] }];
    const recording = { schemaVersion: '1.5', name: 'two', workflow: { specification: { tasks } } };
    writeFileSync(join(folder, 'two.json'), JSON.stringify(recording));
    const words = ['import', 'wfformat', 'two.json', '--time-scale', '0'];
    const { code, out } = await tutti(words);
    expect({ code, first: out.split('\n', 1)[0] }).toEqual({ code: 0, first: 'workflow: "two"' });
    expect(JSON.parse((await tutti([...words, '--json'])).out)).toMatchObject({
      tasks: 2,
      edges: 1,
    });
  });

  it('has help with an example and --json and --data for every command', () => {
    const sections = cliReference().split('\n## ').slice(1);
    const names = sections.map((one) => one.split('\n', 1)[0]?.replace('tutti ', ''));
    expect(names.join(' ')).toBe(
      'validate deploy import schema run serve open runs show why logs systems nodes pools ' +
        'hold release skip rerun approve reject force steer restart cancel repair bulk retention',
    );
    for (const section of sections) {
      expect(section).toContain('```sh parsed\ntutti ');
      expect(section).toContain('`--json`');
      expect(section).toContain('`--data <dir>`');
      expect(section.split('\n')[2]).toMatch(/\.$/);
    }
  });

  it('says when nobody answers', async () => {
    const gone = await listen(
      await createApp(services, { access: OPEN, version: '0.0.0' }),
      '127.0.0.1',
      0,
    );
    await gone.close();
    const { code, err } = await tutti(['runs'], { TUTTI_URL: gone.url });
    expect(code).toBe(1);
    expect(err).toContain(`No answer from ${gone.url}: ECONNREFUSED`);
    expect((await tutti(['runs'], { TUTTI_URL: 'ftp://x' })).err).toContain('not an http address');
  });
});

describe('operator commands become requests', () => {
  beforeEach(async () => {
    services = new FakeServices();
    app = await createApp(services, { access: OPEN, version: '0.0.0' });
    server = await listen(app, '127.0.0.1', 0);
    return () => server.close();
  });
  const by = { actor: 'ada', reason: 'why' };
  const task = { run: 'r-1', task: 'a' };

  it.each([
    [['hold', 'r-'], { type: 'HoldRun', run: 'r-1' }],
    [['hold', 'r-', 'a'], { type: 'HoldTask', ...task }],
    [['release', 'r-1'], { type: 'ReleaseRun', run: 'r-1' }],
    [['release', 'r-1', 'a'], { type: 'ReleaseTask', ...task }],
    [['skip', 'r-1', 'a'], { type: 'SkipTask', ...task }],
    [['rerun', 'r-1', 'a'], { type: 'RerunTask', ...task }],
    [['approve', 'r-1', 'a'], { type: 'DecideApproval', decision: 'approve', ...task }],
    [['reject', 'r-1', 'a'], { type: 'DecideApproval', decision: 'reject', ...task }],
    [['cancel', 'r-1'], { type: 'CancelRun', run: 'r-1' }],
    [['steer', 'r-1', 'a', '--to', 'b'], { type: 'SteerTask', to: 'b', ...task }],
    [
      ['force', 'r-1', 'a', '--as', 'failed', '--output', '{"x":1}'],
      { type: 'ForceTask', as: 'failed', output: { x: 1 }, ...task },
    ],
  ])('%j', async (words, command) => {
    const environment = { TUTTI_URL: server.url };
    expect(await tutti([...words, '--reason', 'why'], environment)).toMatchObject({ code: 0 });
    expect(services.commands).toEqual([{ ...command, by }]);
  });

  it('previews a restart before it asks for it', async () => {
    const words = ['restart', 'r-1', '--from', 'a', 'b', '--version', '2', '--map', 'b=c'];
    const command = {
      type: 'RestartRun',
      run: 'r-1',
      from: ['a', 'b'],
      version: 2,
      mapping: { b: 'c' },
      by: { actor: 'ada' },
    };
    expect(await tutti(words, { TUTTI_URL: server.url })).toMatchObject({ code: 0 });
    expect(services.commands).toEqual([command, command]);
    services.commands = [];
    expect(await tutti([...words, '--preview'], { TUTTI_URL: server.url })).toMatchObject({
      code: 0,
      out: expect.stringContaining('runs again (1): two'),
    });
    expect(services.commands).toEqual([command]);
  });

  it('prints a refusal with what was expected, and ends with 1', async () => {
    services.refusal = {
      refused: true,
      code: 'task.wrong-status',
      message: 'Task a has ended.',
      expected: 'a task that waits',
      found: 'succeeded',
    };
    const { code, err } = await tutti(['hold', 'r-1', 'a'], { TUTTI_URL: server.url });
    expect(code).toBe(1);
    expect(err).toContain('Task a has ended.\n  expected: a task that waits\n  found: succeeded');
  });

  /** A data folder with this token, and a record of where its server is. */
  function dataFolder(token: string, url: string, mode = 0o600): string {
    const data = mkdtempSync(join(folder, 'data-'));
    writeFileSync(join(data, 'server.json'), JSON.stringify({ pid: process.pid, url }));
    writeFileSync(join(data, 'token'), `${token}\n`, { mode });
    return data;
  }

  it('reaches a server of the data folder, which knows its token', async () => {
    const data = dataFolder(OPEN.token, server.url);
    expect(await tutti(['hold', 'r-1', '--data', data])).toMatchObject({ code: 0 });
    expect(services.commands).toMatchObject([{ by: { actor: 'ada', through: 'token' } }]);
  });

  it('shows the token of the data folder to TUTTI_URL, by either name, and TUTTI_TOKEN unasked', async () => {
    const TUTTI_DATA = dataFolder(OPEN.token, 'http://127.0.0.1:1');
    const named = server.url.replace('127.0.0.1', 'localhost');
    for (const environment of [
      { TUTTI_URL: server.url, TUTTI_DATA },
      { TUTTI_URL: `${named}/`, TUTTI_DATA },
      { TUTTI_URL: named, TUTTI_TOKEN: OPEN.token },
    ]) {
      expect(await tutti(['hold', 'r-1'], environment)).toMatchObject({ code: 0 });
      expect(services.commands.pop()).toMatchObject({ by: { through: 'token' } });
    }
  });

  it('shows nothing to one who does not know the token', async () => {
    const asked: (string | undefined)[] = [];
    const impostor = createServer((request, response) => {
      asked.push(`${request.url?.split('?')[0]} ${request.headers.authorization}`);
      response.setHeader('content-type', 'application/json').end('{"proof": "trust me", "pid": 1}');
    });
    await once(impostor.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    const TUTTI_DATA = dataFolder('a-token-that-must-not-be-told-to-anyone', url);
    const { code, err } = await tutti(['hold', 'r-1'], { TUTTI_URL: url, TUTTI_DATA });
    expect(code).toBe(1);
    expect(err).toContain('does not know the token');
    expect((await tutti(['open'], { TUTTI_DATA })).err).toContain('No server serves');
    expect(asked).toEqual(['/api/v1/hello undefined', '/api/v1/hello undefined']);
    impostor.close();
  });

  it.each([0o640, 0o604, 0o620])('does not believe a token of mode %o', async (mode) => {
    const TUTTI_DATA = dataFolder(OPEN.token, server.url);
    chmodSync(join(TUTTI_DATA, 'token'), mode);
    const { code, err } = await tutti(['hold', 'r-1'], { TUTTI_DATA });
    expect(code).toBe(1);
    expect(err).toContain('can be read or written by others');
    expect(services.commands).toEqual([]);
  });
});

it('does not let the name of a file redraw the screen', async () => {
  const name = 'evil\u001b[2J\u202e.yaml';
  writeFileSync(join(folder, name), 'workflow: evil\ntasks: 5\n');
  const { code, out } = await tutti(['validate', name, 'ok.yaml', 'missing\u001b[2J.yaml']);
  const first = await tutti(['validate', name]);
  expect(code).toBe(2);
  expect(first.out).toContain('evil�[2J�.yaml has 1 mistake');
  const said = out + first.out + first.err;
  expect(['\u001b', '\u202e'].filter((one) => said.includes(one))).toEqual([]);
});
