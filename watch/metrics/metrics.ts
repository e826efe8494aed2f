/**
 * The metrics of one node: it is the engine's observer, and gives the text that Prometheus
 * scrapes. The two find each other late: the engine is made with its observer.
 */
import type { EngineReadings } from '../../engine/observer.ts';
import { EngineCounts, type CountsOptions } from './counts.ts';
import { processRegistry, registryOf } from './registry.ts';

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics {
  readonly counts: EngineCounts;
  readonly #registry: ReturnType<typeof registryOf>;
  #readings: () => EngineReadings | undefined = () => undefined;
  /** Read once per scrape: it looks at every run in memory. */
  #current: EngineReadings | undefined;

  constructor(options: CountsOptions & { readonly version: string }) {
    const { version } = options;
    this.counts = new EngineCounts(options);
    this.#registry = registryOf(() => {
      return { counts: this.counts, readings: this.#current, version };
    });
  }

  watch(engine: { readings(): EngineReadings }): void {
    this.#readings = () => engine.readings();
    processRegistry();
  }

  /** Tutti's own metrics. */
  async own(): Promise<string> {
    this.#current = this.#readings();
    return this.#registry.metrics();
  }

  /** With those of the process. */
  async expose(): Promise<Exposition> {
    const texts = await Promise.all([this.own(), processRegistry().metrics()]);
    return { contentType: this.#registry.contentType, text: texts.join('\n') };
  }
}
