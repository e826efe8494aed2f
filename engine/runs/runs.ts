/**
 * The runs of this node: the front page of this folder, and the order in which its parts are made.
 *
 *   versions ──► loader ──► memory ◄── gate ──► pipeline ──► journal
 *
 * `connect` closes the ring: the gate tells the world and the listener what is durable, and the
 * world brings its outcomes to the gate.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Chance, Clock } from '../clock.ts';
import type { NodeIdentity } from '../node-identity.ts';
import type { Observer } from '../observer.ts';
import { RunGate } from './run-gate.ts';
import type { RunListener } from './run-listener.ts';
import { RunLoader } from './run-loader.ts';
import { RunMemory } from './run-memory.ts';
import { RunWatchers } from './run-watchers.ts';
import { Versions } from './versions.ts';
import type { World } from './world.ts';

interface RunsParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly chance: Chance;
  /** See the kernel's context. */
  readonly settledAtOnce?: number | undefined;
  readonly identity: NodeIdentity;
  readonly observer: Observer | undefined;
}

export class Runs {
  readonly versions: Versions;
  readonly memory: RunMemory;
  readonly gate: RunGate;
  readonly watchers: RunWatchers;

  constructor(parts: RunsParts) {
    const { journal, clock, chance, settledAtOnce, identity, observer } = parts;
    this.versions = new Versions(journal, clock);
    const loader = new RunLoader({ journal, versions: this.versions, clock, identity, observer });
    this.memory = new RunMemory(loader, observer);
    const context = {
      chance: () => chance.next(),
      versions: this.versions.prepared,
      ...(settledAtOnce !== undefined && { settledAtOnce }),
    };
    const { memory } = this;
    this.gate = new RunGate({ memory, loader, journal, clock, context, identity, observer });
    this.watchers = new RunWatchers(clock, (run) => memory.live.has(run), observer);
  }

  /** Called once, before anything else. */
  connect(world: World, listener: RunListener): void {
    this.gate.connect(world, listener);
  }

  /** Runs in memory, by workflow: it looks at every one. */
  countByWorkflow(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { state } of this.memory.live.values())
      counts.set(state.workflow, (counts.get(state.workflow) ?? 0) + 1);
    return counts;
  }

  /** From now on nothing new is begun; what is on its way to the journal is still written. */
  stop(): void {
    this.memory.stop();
  }
}
