/** The page of metrics, from their catalogue. */
import { METRICS } from '../../watch/metrics/catalogue.ts';
import { cell } from './schema-table.ts';

export function metricsPage(): string[] {
  const rows = METRICS.map(({ name, type, labels, help }) => {
    const words = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${words} | ${cell(help)} |`;
  });
  return [
    '# Metrics',
    '',
    'What `/metrics` answers, for Prometheus. Each node counts what it did itself: add the nodes up. [The guide](../guides/observing.md)',
    'says what to watch. The first 1,000 workflows have a label of their own, those after them share `_other`.',
    '',
    '| Metric | Type | Labels | What it says |',
    '|---|---|---|---|',
    ...rows,
    '',
    'The process itself is there with the metrics that prom-client brings: `process_…` and `nodejs_…`, among them the lag of the',
    'event loop, `nodejs_eventloop_lag_p99_seconds`.',
  ];
}
