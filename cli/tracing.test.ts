/** When traces are sent, and what is said when they cannot be. */
import { describe, expect, it } from 'vitest';
import { startTracing } from './tracing.ts';

function listening() {
  const lines: string[] = [];
  return { lines, log: { warn: (_fields: unknown, line?: string) => void lines.push(line ?? '') } };
}

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
const missing = () =>
  Promise.reject(new Error("Cannot find package '@opentelemetry/sdk-trace-node'"));

describe('tracing', () => {
  it.each([
    ['nobody asks', {}],
    ['it is switched off', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    ['there is no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
  ])('loads nothing and says nothing when %s', async (_why, environment) => {
    const { lines, log } = listening();
    expect((await startTracing(environment, 'n', log, missing)).traces).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it('says once which packages are missing, and goes on', async () => {
    const { lines, log } = listening();
    const tracing = await startTracing(ENDPOINT, 'n', log, missing);
    expect(tracing.traces).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(
      'npm install @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http',
    );
    await tracing.stop();
  });

  it('does not guess what another exporter would be', async () => {
    const { lines, log } = listening();
    const environment = { OTEL_TRACES_EXPORTER: 'zipkin' };
    expect((await startTracing(environment, 'n', log, missing)).traces).toBeUndefined();
    expect(lines[0]).toContain('"zipkin"');
  });

  it('starts with the packages, and warns of a protocol that it does not speak', async () => {
    const { lines, log } = listening();
    const environment = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    const tracing = await startTracing(environment, 'n', log);
    expect(tracing.traces).toBeDefined();
    expect(lines[0]).toContain('"grpc"');
    await tracing.stop();
  });
});
