/** The catalogue as a registry of prom-client: it writes the text, the numbers are ours. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { type Distribution, METRICS, type Plain, type Watched } from './catalogue.ts';

type Labels = Record<string, string>;

export function registryOf(watched: () => Watched): Registry {
  const registry = new Registry();
  for (const metric of METRICS) {
    if (metric.type === 'histogram') registry.registerMetric(new Tallies(metric, watched));
    else register(metric, watched, registry);
  }
  return registry;
}

function register(metric: Plain, watched: () => Watched, registry: Registry): void {
  const { name, help, labels: labelNames, read } = metric;
  const about = { name, help, labelNames, registers: [registry] };
  if (metric.type === 'counter') {
    const counter: Counter = new Counter({
      ...about,
      collect: () => {
        counter.reset();
        for (const [values, value] of read(watched()))
          counter.inc(labelled(labelNames, values), value);
      },
    });
    return;
  }
  const gauge: Gauge = new Gauge({
    ...about,
    collect: () => {
      gauge.reset();
      // A gauge without labels is 0 after a reset; one that cannot be read yet is left out.
      if (labelNames.length === 0) gauge.remove();
      for (const [values, value] of read(watched())) gauge.set(labelled(labelNames, values), value);
    },
  });
}

function labelled(names: readonly string[], values: readonly string[]): Labels {
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
}

/** A histogram whose buckets were counted elsewhere. */
class Tallies extends Histogram {
  readonly #metric: Distribution;
  readonly #watched: () => Watched;

  constructor(metric: Distribution, watched: () => Watched) {
    const { name, help, labels } = metric;
    super({ name, help, labelNames: labels, registers: [] });
    this.#metric = metric;
    this.#watched = watched;
  }

  /** What the registry asks for, and what the class itself asks of itself. */
  override async get() {
    const { name, help, labels, read } = this.#metric;
    const values = Array.from(read(this.#watched())).flatMap(([given, tally]) => {
      const own = labelled(labels, given);
      const buckets = tally.cumulative().map(([le, value]) => {
        return { metricName: `${name}_bucket`, labels: { ...own, le }, value };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: own, value: tally.sum },
        { metricName: `${name}_count`, labels: own, value: buckets.at(-1)?.value ?? 0 },
      ];
    });
    const aggregator = 'sum' as const;
    return { name, help, values, aggregator, type: 'histogram' as never, collect: () => {} };
  }

  async getForPromString() {
    return this.get();
  }
}

let ofProcess: Registry | undefined;

/** CPU, memory, event loop and collector of this process: measured once, however many ask. */
export function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
