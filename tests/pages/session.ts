/**
 * A reader who does what a page says, from its top to its end: one folder, one shell whose
 * variables last, the servers that the page starts (else one of ours), and Tutti as built.
 *
 * Three things differ from a reader. A port from 7700 to 7799 stands for the free one that a server took. `RUN` stands for the
 * newest run, once it rests. `npx tutti` and `tutti` are the executable of this checkout.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { call, ListeningTerminal } from '../../cli/terminal.fake.ts';
import { plainEnvironment, runChild, type Ended } from '../child.ts';
import { ROOT } from '../house/source.ts';

const BLOCK_LIMIT_MS = 60_000;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const TSC_WORDS =
  '--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --target es2023 --types node'
    .split(' ')
    .concat('--typeRoots', join(ROOT, 'node_modules/@types'));
const { name: PACKAGE } = z
  .object({ name: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
const TUTTI_PORT = '7700';
const PORT_OPTION = /--port (77\d\d)/;

interface Server {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly isTutti: boolean;
}

export class Session {
  readonly folder: string;
  readonly #base: string;
  /** By the port that the page writes. */
  readonly #ports = new Map<string, string>();
  readonly #servers: Server[] = [];
  readonly #madeUp: Record<string, string> = {};
  #url = '';

  constructor(page: string) {
    this.#base = mkdtempSync(join(tmpdir(), 'tutti-page-'));
    this.folder = join(this.#base, 'here');
    mkdirSync(join(this.folder, 'examples'), { recursive: true });
    cpSync(join(ROOT, 'examples/hello.yaml'), join(this.folder, 'examples/hello.yaml'));
    if (page.startsWith('examples/')) copyExample(join(ROOT, dirname(page)), this.folder);
    this.#install();
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** A value for each secret and variable that a systems file wants. */
  makeUp(text: string): void {
    for (const [, kind, name = ''] of text.matchAll(/\$\{\{ *(secrets|env)\.([\w-]+)/g)) {
      const secret = `TUTTI_SECRET_${name.toUpperCase().replaceAll('-', '_')}`;
      this.#madeUp[kind === 'env' ? name : secret] ??= 'made-up';
    }
  }

  /** A command that speaks to the server of the page; in this process, which has it loaded. */
  async tutti(...words: string[]): Promise<Ended> {
    if (words[0] !== 'validate') await this.#beServed();
    const terminal = new ListeningTerminal(this.folder);
    const code = await call(terminal, words).code;
    return { code, out: terminal.said, err: terminal.complained };
  }

  /** Runs a block in the page's shell: what it exports is there for the next one. */
  async shell(text: string): Promise<Ended> {
    await this.#beServed();
    const script = this.#here(text).replaceAll(/\$?\bRUN\b/g, '$(newest)');
    const kept = join(this.#base, 'variables');
    if (!existsSync(kept)) writeFileSync(kept, '');
    const keep = `{ export -p | grep -v ' \\(PWD\\|OLDPWD\\|SHLVL\\)='; } >'${kept}'`;
    return this.#run('bash', [
      '--norc',
      '-euo',
      'pipefail',
      '-c',
      `. '${kept}'\n${script}\n${keep}\n`,
    ]);
  }

  /** A program in TypeScript that is JavaScript as well: its types are checked, and it runs. */
  async program(text: string): Promise<Ended> {
    await this.#beServed();
    this.write('program.mts', text);
    this.write('program.mjs', text);
    const checked = await this.#run(process.execPath, [TSC, ...TSC_WORDS, 'program.mts']);
    if (checked.code !== 0) return checked;
    const token = readFileSync(join(this.folder, '.tutti/token'), 'utf8').trim();
    const server = { TUTTI_URL: this.#url, TUTTI_TOKEN: token };
    return this.#run(process.execPath, ['program.mjs'], server);
  }

  /** Starts what stays, on a free port: resolves when it says where it listens. */
  async serve(text: string): Promise<void> {
    const isTutti = /\btutti serve\b/.test(text);
    if (isTutti) await this.#stop((server) => server.isTutti);
    const written = PORT_OPTION.exec(text)?.[1] ?? TUTTI_PORT;
    const command = `${this.#here(text.replace(PORT_OPTION, '')).trim()} --port 0`;
    const url = await this.#start(command, isTutti);
    this.#ports.set(written, new URL(url).port);
    if (isTutti) this.#url = url;
  }

  async close(): Promise<void> {
    await this.#stop(() => true);
    rmSync(this.#base, { recursive: true, force: true });
  }

  #install(): void {
    const bin = join(this.#base, 'bin');
    mkdirSync(bin);
    const place = join(this.folder, 'node_modules', PACKAGE);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(ROOT.replace(/\/$/, ''), place);
    const tutti = `exec '${process.execPath}' '${join(ROOT, 'cli/tutti.js')}' "$@"`;
    const npx = `[ "$1" = tutti ] || { echo "npx $1 would be fetched" >&2; exit 1; }\nexec "$@"`;
    const newest = `exec '${process.execPath}' '${join(ROOT, 'tests/pages/newest.js')}'`;
    for (const [name, text] of Object.entries({ tutti, npx, newest })) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    }
  }

  #environment(): Record<string, string> {
    const path = `${join(this.#base, 'bin')}:${process.env['PATH'] ?? ''}`;
    return { PATH: path, HOME: this.#base, PAGE_URL: this.#url, ...this.#madeUp };
  }

  #run(
    program: string,
    words: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    return runChild(program, words, {
      cwd: this.folder,
      env: { ...this.#environment(), ...more },
      limitMs: BLOCK_LIMIT_MS,
    });
  }

  #here(text: string): string {
    return text.replaceAll(/\b77\d\d\b/g, (port) => this.#ports.get(port) ?? port);
  }

  async #beServed(): Promise<void> {
    if (!this.#servers.some((server) => server.isTutti)) await this.serve('tutti serve');
  }

  async #start(command: string, isTutti: boolean): Promise<string> {
    const child = spawn('bash', ['-c', `exec env ${command}`], {
      cwd: this.folder,
      env: plainEnvironment(this.#environment()),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.#servers.push({ child, gone, isTutti });
    let said = '';
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${command} is silent: ${said}`)),
        START_LIMIT_MS,
      );
      const hear = (chunk: Buffer) => {
        said += chunk.toString();
        const url = /listens on (http:\S+)\s/.exec(said)?.[1];
        if (url === undefined) return;
        clearTimeout(timer);
        resolve(url);
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      child.once('exit', () => reject(new Error(`${command} ended: ${said}`)));
    });
  }

  async #stop(which: (server: Server) => boolean): Promise<void> {
    for (const server of this.#servers.filter(which)) {
      server.child.kill('SIGINT');
      const timer = setTimeout(() => server.child.kill('SIGKILL'), STOP_LIMIT_MS);
      await server.gone;
      clearTimeout(timer);
      this.#servers.splice(this.#servers.indexOf(server), 1);
    }
  }
}

function copyExample(from: string, to: string): void {
  const left = /\/(?:share|\.tutti)$/;
  cpSync(from, to, { recursive: true, filter: (path) => !left.test(path) });
}
