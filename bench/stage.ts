/**
 * A contestant on stage: its process, and what it and its servers use while they do as ordered.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Order, ContestantOptions } from './contestant.ts';
import type { Entry } from './contestants.ts';
import type { Database, DatabaseServer } from './database.ts';
import { cpuSecondsOf, memoryOf, sharedBytesOf } from './meter.ts';

const CLOSE_LIMIT_MS = 10_000;
const HOST = fileURLToPath(new URL('host.js', import.meta.url));

export interface Measure {
  readonly seconds: number;
  /** Milliseconds, as the order has them. */
  readonly values: readonly number[];
  readonly engineCpuSeconds: number;
  readonly serverCpuSeconds: number;
  /** null for a contestant that does not keep its work in PostgreSQL. */
  readonly walBytes: number | null;
  /** The most that the engine's process ever had in memory. */
  readonly engineBytes: number;
  readonly serverBytes: number;
}

type Ready = Extract<Answer, { said: 'ready' }>;

export class Stage {
  readonly entry: Entry;
  readonly #process: ChildProcess;
  readonly #server: DatabaseServer;
  readonly #database: Database;
  readonly #directory: string;
  #ready: Ready = { said: 'ready', can: [], servers: {} };

  private constructor(
    entry: Entry,
    server: DatabaseServer,
    at: { readonly database: Database; readonly directory: string; readonly alone: boolean },
  ) {
    this.entry = entry;
    this.#server = server;
    this.#database = at.database;
    this.#directory = at.directory;
    const place: ContestantOptions = {
      databaseUrl: at.database.url,
      directory: at.directory,
      alone: at.alone,
    };
    this.#process = fork(HOST, [entry.module, JSON.stringify(place)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1', DO_NOT_TRACK: '1' },
    });
  }

  static async open(entry: Entry, server: DatabaseServer, alone: boolean): Promise<Stage> {
    const directory = mkdtempSync(join(tmpdir(), 'tutti-bench-'));
    const stage = new Stage(entry, server, { database: await server.database(), directory, alone });
    const answer = await stage.#answer();
    if (answer.said === 'ready') {
      stage.#ready = answer;
      return stage;
    }
    await stage.close();
    throw new Error(`${entry.name} did not open: ${answer.said === 'broke' ? answer.why : ''}`);
  }

  can(verb: string): boolean {
    return this.#ready.can.includes(verb);
  }

  async measure(order: Order): Promise<Measure> {
    await this.#server.settle();
    const wal = await this.#server.wal();
    const engineCpu = this.#engineCpu();
    const serverCpu = cpuSecondsOf(this.#servers());
    const begun = performance.now();
    const values = await this.#ask(order);
    return {
      seconds: (performance.now() - begun) / 1000,
      values,
      engineCpuSeconds: this.#engineCpu() - engineCpu,
      serverCpuSeconds: cpuSecondsOf(this.#servers()) - serverCpu,
      walBytes: this.entry.keeps === 'postgresql' ? (await this.#server.wal()) - wal : null,
      engineBytes: memoryOf(this.#pid()).mostBytes,
      serverBytes: sharedBytesOf(this.#servers()),
    };
  }

  /** What the engine's process has in memory now, its servers left out. */
  engineBytes(): number {
    return memoryOf(this.#pid()).nowBytes;
  }

  #engineCpu(): number {
    return cpuSecondsOf([this.#pid()]) - cpuSecondsOf(this.#ownServers());
  }

  #servers(): number[] {
    return this.entry.keeps === 'postgresql' ? [this.#server.pid] : this.#ownServers();
  }

  #ownServers(): number[] {
    return Object.values(this.#ready.servers);
  }

  #pid(): number {
    return this.#process.pid ?? 0;
  }

  async #ask(order: Order): Promise<readonly number[]> {
    this.#process.send(order);
    const answer = await this.#answer();
    if (answer.said === 'done') return answer.values;
    throw new Error(`${this.entry.name} broke: ${answer.said === 'broke' ? answer.why : ''}`);
  }

  async #answer(): Promise<Answer> {
    const settled = new AbortController();
    const { signal } = settled;
    try {
      return await Promise.race([
        once(this.#process, 'message', { signal }).then(([answer]) => answer as Answer),
        once(this.#process, 'exit', { signal }).then(
          ([code]): Answer => ({ said: 'broke', why: `its process ended (${code})` }),
        ),
      ]);
    } finally {
      settled.abort();
    }
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.connected) {
      const exit = once(this.#process, 'exit');
      const killing = setTimeout(() => this.#process.kill('SIGKILL'), CLOSE_LIMIT_MS);
      this.#process.send('close');
      await exit;
      clearTimeout(killing);
    }
    for (const pid of this.#ownServers()) end(pid);
    await this.#database.drop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A contestant that had to be killed leaves its servers behind. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
}
