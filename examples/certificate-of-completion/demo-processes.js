/**
 * The processes of the demonstration: the ERP, `tutti serve` with its PostgreSQL, and the commands
 * that are typed. Each is started as a user would start it, and none is left behind.
 */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const HERE = fileURLToPath(new URL('.', import.meta.url));
/** The executable, which `npx tutti` runs too. */
const TUTTI = join(HERE, '../../cli/tutti.js');

/** Far more than a loaded machine needs; a process that hangs must not hang the demonstration. */
const STOP_LIMIT_MS = 60_000;

/** A sentence for people; everything else that is thrown is a bug and shows its stack. */
export class Trouble extends Error {}

/** A file as it is called from where the user stands. */
export function shown(file) {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}

export class Processes {
  #running = [];
  #stopping = false;
  #environment;

  constructor(environment) {
    // Scripts of the workflow call `node`; let it be this one.
    const path = [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
    // The scripts of the demonstration may run as root, as in a container.
    this.#environment = { TUTTI_ALLOW_ROOT: '1', ...process.env, ...environment, PATH: path };
    // Settings of the user's own Tutti are not meant here.
    for (const name of ['TUTTI_URL', 'TUTTI_TOKEN', 'TUTTI_DATABASE', 'NODE_OPTIONS']) {
      delete this.#environment[name];
    }
  }

  /** The ERP: a program of its own, which knows nothing of Tutti. */
  async startErp(options) {
    const words = [join(HERE, 'erp-server.js'), '--port', '0', ...options];
    const url = await this.#start('the ERP', words, (text) => /http:\/\/\S+(?=\n)/.exec(text)?.[0]);
    this.#environment.ERP_URL = url;
    return url;
  }

  /** `tutti serve`: the engine, the API and an embedded PostgreSQL. */
  async startTutti(options) {
    const words = [TUTTI, 'serve', '--port', '0', '--json', '--log-level', 'warn', ...options];
    const { error, ...server } = await this.#start('tutti serve', words, parsed);
    if (error === undefined) return server;
    throw new Trouble(`Tutti does not serve: ${error.detail}\n${error.next}`);
  }

  /** One command of Tutti, to its end: its exit code and what it printed. */
  async tutti(...words) {
    return await this.run(TUTTI, ...words);
  }

  /** The same, where only 0 will do; answers what it printed. */
  async tuttiOrTrouble(...words) {
    const { code, out, err } = await this.tutti(...words);
    if (code !== 0) throw new Trouble(`tutti ${words.join(' ')} ended with ${code}\n${err || out}`);
    return out;
  }

  async run(...words) {
    const child = this.#spawn(words);
    const out = collect(child.stdout);
    const err = collect(child.stderr);
    const code = await child.ended;
    return { code, out: out.text, err: err.text };
  }

  /** In the opposite order of their start, each to its very end. False when one ended badly. */
  async stop() {
    this.#stopping = true;
    let well = true;
    for (const child of this.#running.toReversed()) {
      child.kill('SIGTERM');
      const guard = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      well = (await child.ended) === 0 && well;
      clearTimeout(guard);
    }
    return well;
  }

  /** Resolves with what `ready` finds in the output; the process goes on. */
  async #start(name, words, ready) {
    const child = this.#spawn(words);
    const err = collect(child.stderr);
    const said = new Promise((resolve) => {
      const out = collect(child.stdout, () => {
        const found = ready(out.text);
        if (found !== undefined) resolve(found);
      });
    });
    const ended = child.ended.then((code) => {
      throw new Trouble(`${name} did not start (it ended with ${code})\n${err.text.trim()}`);
    });
    return await Promise.race([said, ended]);
  }

  /** In a group of its own: Ctrl-C reaches the demonstration only, and that stops the others. */
  #spawn(words) {
    if (this.#stopping) throw new Trouble('Stopped.');
    const child = spawn(process.execPath, words, {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    this.#running.push(child);
    const forget = () => {
      this.#running = this.#running.filter((other) => other !== child);
    };
    child.ended.then(forget, forget);
    return child;
  }
}

function collect(stream, onMore = () => {}) {
  const collected = { text: '' };
  stream.setEncoding('utf8').on('data', (chunk) => {
    collected.text += chunk;
    onMore();
  });
  return collected;
}

/** The JSON that was printed, once it is whole. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
