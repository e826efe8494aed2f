/**
 * Keeps a node's lease while its loop is busy: a thread of its own, with a connection of its own.
 *
 * The loop renews by itself as long as it turns (`engine/cluster/lease-keeper.ts`), and beats: a counter in
 * memory that both share. When the beats stop for a third of the lease, the thread renews in its place.
 * So a long calculation costs the node no run; the loop, when it turns again, knows only its own last
 * renewal, and asks before anything is sent to a system (law 3). A process that is stopped stops the thread
 * with it. A loop that does not turn for `BLOCKED_LIMIT_MS` is no node any more: the thread lets the
 * lease go, and others take its runs over. The epoch in the statement keeps it from ever renewing for a
 * node that was fenced or has resigned.
 */
import { Worker, parentPort, workerData } from 'node:worker_threads';
import { beside } from '../../model/beside.ts';
import type { Log } from '../../model/log.ts';
import type { Host } from '../connection-string.ts';
import type { NodeLease } from '../ownership.ts';
import { Hosts } from './hosts.ts';
import { RENEW } from './lease.ts';
import { Connection } from './connection.ts';
import { Stalls } from './stalls.ts';
import { LIMITS } from './statement-watchdog.ts';

/** How long a loop may stand still and keep its runs. */
const BLOCKED_LIMIT_MS = 30_000;

interface KeeperInput {
  readonly hosts: readonly Host[];
  readonly lease: NodeLease;
  readonly leaseMs: number;
  readonly limitMs: number;
  readonly beats: SharedArrayBuffer;
}

export class LeaseThread {
  /** Resolves when it is connected. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #beating: NodeJS.Timeout;

  constructor(
    hosts: readonly Host[],
    lease: NodeLease,
    leaseMs: number,
    log: Log,
    limitMs = BLOCKED_LIMIT_MS,
  ) {
    const beats = new SharedArrayBuffer(4);
    const counter = new Int32Array(beats);
    const work: KeeperInput = { hosts, lease, leaseMs, limitMs, beats };
    this.#worker = new Worker(beside(import.meta.url, 'keepLease'), {
      eval: true,
      execArgv: [],
      workerData: work,
    });
    this.ready = new Promise((resolve) => this.#worker.once('message', () => resolve()));
    this.#worker.on('error', (error) => {
      const sentence =
        'The thread that keeps the lease of this node has ended: a long calculation may cost the lease.';
      log.warn({ err: error }, sentence);
    });
    this.#worker.unref();
    this.#beating = setInterval(() => void Atomics.add(counter, 0, 1), leaseMs / 12);
    this.#beating.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#beating);
    await this.#worker.terminate();
  }
}

/** What the thread does. */
export function keepLease(): void {
  const { hosts, lease, leaseMs, limitMs, beats } = workerData as KeeperInput;
  const counter = new Int32Array(beats);
  const connection = new Connection({
    hosts: new Hosts(hosts),
    limits: LIMITS,
    ensureRunning: async () => undefined,
    closing: new AbortController().signal,
    stalls: new Stalls(),
  });
  void connection
    .withRetry((client) => client.query('select'))
    .then(() => parentPort?.postMessage({}, []));
  let beat = Atomics.load(counter, 0);
  let beatenAt = performance.now();
  let renewing = false;
  setInterval(() => {
    const now = performance.now();
    const current = Atomics.load(counter, 0);
    if (current !== beat) {
      beat = current;
      beatenAt = now;
      return;
    }
    const isBlocked = (): boolean =>
      Atomics.load(counter, 0) === current && performance.now() - beatenAt < limitMs;
    if (renewing || now - beatenAt < leaseMs / 3 || !isBlocked()) return;
    renewing = true;
    void connection
      .withRetry((client) => client.query(RENEW, [lease.node, lease.epoch, leaseMs]), isBlocked)
      // ignored: the renewal is not wanted any more, or is refused; the next round asks again.
      .catch(() => undefined)
      .finally(() => {
        renewing = false;
      });
  }, leaseMs / 6);
}
