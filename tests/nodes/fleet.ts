/**
 * Several `tutti serve` on one PostgreSQL: started, killed, stopped and let go on again, and a
 * connection that speaks to any of them that stands.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '../chaos/connection.ts';
import { ServeProcess } from '../chaos/serve-process.ts';

/** What a node in trouble may say: then nobody knows, and the one who asked looks. */
const TOLERATED = [
  'node.fenced',
  'node.stopping',
  'node.unreachable',
  'run.elsewhere',
  'command.unanswered',
  // Its questions to the database were cut off while it stood still.
  'database.unreachable',
];

/** The same for all nodes, as an operator would lay it into their folders. */
const TOKEN = 'one-token-for-every-node-of-the-fleet';

/** Requests go to the nodes in turn: a command reaches the owner from any of them. */
export class AnyNode extends Connection {
  readonly #up: string[] = [];
  #turn = 0;

  constructor() {
    super(TOLERATED);
    this.token = TOKEN;
  }

  override async server(): Promise<string> {
    const url = this.#up[this.#turn++ % Math.max(1, this.#up.length)];
    return url ?? super.server();
  }

  join(url: string): void {
    this.#up.push(url);
    this.up(url);
  }

  leave(url: string): void {
    const at = this.#up.indexOf(url);
    if (at >= 0) this.#up.splice(at, 1);
    const other = this.#up[0];
    if (other === undefined) this.down();
    else this.up(other);
  }
}

export class Node {
  readonly name: string;
  /** How often it was killed and stopped. */
  strikes = 0;
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #connection: AnyNode;
  readonly #words: readonly string[];
  #process: ServeProcess | undefined;
  #url = '';

  constructor(
    name: string,
    connection: AnyNode,
    shared: {
      readonly folder: string;
      readonly systems: string;
      readonly databaseUrl: string;
      readonly leaseMs: number;
    },
  ) {
    this.name = name;
    this.#connection = connection;
    this.#folder = join(shared.folder, name);
    this.#environment = { TUTTI_DATABASE: shared.databaseUrl };
    const state = join(shared.folder, 'state');
    this.#words = ['--node', name, '--lease', `${shared.leaseMs}ms`, '--state', state];
    mkdirSync(this.#folder);
    writeFileSync(join(this.#folder, 'token'), TOKEN, { mode: 0o600 });
    writeFileSync(join(this.#folder, 'systems.yaml'), shared.systems);
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const started = new ServeProcess(this.#folder, this.#environment, this.#words);
    this.#process = started;
    const url = await started.ready;
    if (url === null) throw new Error(`${this.name} did not start: ${started.words}`);
    this.#url = url;
    this.#connection.join(url);
  }

  async kill(): Promise<void> {
    this.strikes += 1;
    this.#connection.leave(this.#url);
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  /** It stands still with everything in its hands. */
  hang(): void {
    this.strikes += 1;
    this.#connection.leave(this.#url);
    this.#process?.kill('SIGSTOP');
  }

  /**
   * It goes on, and learns that it was fenced: resolves when it has ended, with what it said. If it
   * was let go on within its lease it simply works on; then this waits for ever, which is a fault.
   */
  async goOn(): Promise<string> {
    this.#process?.kill('SIGCONT');
    const exit = await this.#process?.exited;
    return `${exit?.code ?? exit?.signal}: ${this.#process?.words}`;
  }

  /** A graceful stop; null when it was one. */
  async stop(): Promise<string | null> {
    this.#connection.leave(this.#url);
    this.#process?.kill('SIGTERM');
    const exit = await this.#process?.exited;
    return exit?.code === 0
      ? null
      : `${this.name} ended with ${exit?.code}: ${this.#process?.words}`;
  }

  abandon(): void {
    this.#process?.kill('SIGKILL');
  }
}
