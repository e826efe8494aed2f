/**
 * The server that is killed: the process that serves the data folder now, its kills, its recoveries.
 *
 * A recovery is over when a new run is acknowledged: only then does everything stand again, and
 * that answer is the signal that the experiment waits for.
 */
import type { Chance } from './chance.ts';
import type { Connection } from './connection.ts';
import { postmasterOf, ServeProcess } from './serve-process.ts';

export const KILLS = ['node', 'postmaster', 'both'] as const;
export type Kill = (typeof KILLS)[number];

/** A kill may fall on a server that has not recovered from the one before. */
const AGAIN = 0.15;
const LATEST_AGAIN_MS = 700;

export class KilledServer {
  readonly folder: string;
  readonly kills: Record<Kill, number> = { node: 0, postmaster: 0, both: 0 };
  readonly recoveriesMs: number[] = [];
  /** Ends of the process that nobody caused. */
  readonly collapses: string[] = [];
  readonly #connection: Connection;
  readonly #chance: Chance;
  #process: ServeProcess;

  constructor(folder: string, connection: Connection, chance: Chance) {
    this.folder = folder;
    this.#connection = connection;
    this.#chance = chance;
    this.#process = new ServeProcess(folder);
  }

  /** Resolves when the present process listens; starts another when it ended instead. */
  async listening(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const process = this.#process;
      const url = await process.ready;
      if (url !== null) {
        this.#connection.token = process.token;
        this.#connection.up(url);
        void this.#closeAfter(process);
        return;
      }
      this.collapses.push(`serve did not start: ${process.words}`);
      if (tries === 3) throw new Error(`serve does not start: ${process.words}`);
      this.#process = new ServeProcess(this.folder);
    }
  }

  async #closeAfter(process: ServeProcess): Promise<void> {
    await process.exited;
    if (this.#process === process) this.#connection.down();
  }

  /** One round: strikes, lets it recover (with `probe` as the proof), measures. */
  async round(kill: Kill, probe: () => Promise<void>): Promise<void> {
    if (!this.#process.running) await this.#revive();
    let struckAt = performance.now();
    await this.#strike(kill);
    if (kill !== 'postmaster' && this.#chance.happens(AGAIN)) {
      // The moment is the experiment: somewhere in the start of the next process.
      await moment(this.#chance.below(LATEST_AGAIN_MS));
      struckAt = performance.now();
      await this.#strike(kill);
    }
    if (kill !== 'postmaster') await this.listening();
    await probe();
    this.recoveriesMs.push(performance.now() - struckAt);
    if (!this.#process.running) await this.#revive();
  }

  async #strike(kill: Kill): Promise<void> {
    this.kills[kill] += 1;
    const strikes = [
      ...(kill === 'node' ? [] : [() => this.#strikePostmaster()]),
      ...(kill === 'postmaster' ? [] : [() => this.#process.kill('SIGKILL')]),
    ];
    // Of both, now one is first and now the other.
    if (this.#chance.happens(0.5)) strikes.reverse();
    for (const strike of strikes) strike();
    if (kill === 'postmaster') return;
    await this.#process.exited;
    this.#connection.down();
    this.#process = new ServeProcess(this.folder);
  }

  #strikePostmaster(): void {
    const pid = postmasterOf(this.folder);
    if (pid !== null) process.kill(pid, 'SIGKILL');
  }

  async #revive(): Promise<void> {
    const { code, signal } = await this.#process.exited;
    this.collapses.push(`serve ended by itself (${code ?? signal}): ${this.#process.words}`);
    this.#process = new ServeProcess(this.folder);
    await this.listening();
  }

  /** A second one on this folder: null when it was refused as it should be. */
  async intruder(): Promise<string | null> {
    const second = new ServeProcess(this.folder);
    const url = await second.ready;
    if (url !== null) {
      second.kill('SIGKILL');
      return `a second serve was let in at ${url}`;
    }
    const { code } = await second.exited;
    if (code !== 0 && /serves|is running/.test(second.words)) return null;
    return `a second serve ended with ${code} and said: ${second.words}`;
  }

  /** A graceful stop; null when it was one. */
  async stop(): Promise<string | null> {
    this.#process.kill('SIGTERM');
    const { code } = await this.#process.exited;
    this.#connection.down();
    return code === 0 ? null : `the last stop ended with ${code}: ${this.#process.words}`;
  }

  /** When everything else failed: nothing of ours may stay behind. */
  abandon(): void {
    this.#process.kill('SIGKILL');
  }
}

/** The one thing here that waits for time: the random moment of a kill is what is tested. */
export function moment(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
