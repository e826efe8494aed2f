/**
 * Traces over OTLP, when the environment asks for them in OpenTelemetry's own words
 * (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …). The SDK is an optional peer: nothing of
 * it is loaded otherwise, and without it Tutti says so once and works on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { diag, DiagLogLevel, trace } from '@opentelemetry/api';
import type { NodeTracerConfig } from '@opentelemetry/sdk-trace-node';
import type { FastifyBaseLogger } from 'fastify';
import { SpanNames } from '../watch/traces/ids.ts';
import { isTraced, Traces } from '../watch/traces/traces.ts';
import type { Environment } from './systems.ts';
import { VERSION } from './version.ts';

const PACKAGES = '@opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http';
/** A collector that is down fails every few seconds; once a minute is enough to know. */
const SILENCE_MS = 60_000;
/** A collector that does not answer must not keep the node from stopping. */
const LAST_SEND_MS = 3_000;

interface Tracing {
  /** undefined: tracing is off, and nothing is spent on it. */
  readonly traces: Traces | undefined;
  /** Sends what is left. */
  stop(): Promise<void>;
}

type Log = Pick<FastifyBaseLogger, 'warn'>;
type Resource = NonNullable<NodeTracerConfig['resource']>;

const OFF: Tracing = { traces: undefined, stop: async () => {} };

export async function startTracing(
  environment: Environment,
  nodeName: string,
  log: Log,
  load: () => Promise<Sdk> = loadSdk,
): Promise<Tracing> {
  const global = trace.getTracer('tutti', VERSION);
  // The user preloaded an SDK (`node --import`): its spans, its ids.
  if (isTraced(global)) return { ...OFF, traces: new Traces(global, undefined) };
  if (!isWanted(environment, log)) return OFF;
  const sdk = await load().catch((error: unknown) => notThere(error, log));
  if (sdk === undefined) return OFF;
  reportTo(log);
  const names = new SpanNames();
  const provider = new sdk.NodeTracerProvider({
    idGenerator: names,
    resource: resourceOf(environment, nodeName),
    spanProcessors: [new sdk.BatchSpanProcessor(new sdk.OTLPTraceExporter())],
  });
  return {
    traces: new Traces(provider.getTracer('tutti', VERSION), names),
    stop: async () => {
      const sent = provider.shutdown().catch((error: unknown) => diag.error(String(error)));
      await Promise.race([sent, delay(LAST_SEND_MS, undefined, { ref: false })]);
    },
  };
}

function isWanted(environment: Environment, log: Log): boolean {
  const asked = (name: string) => (environment[name] ?? '').trim().toLowerCase();
  if (asked('OTEL_SDK_DISABLED') === 'true') return false;
  const exporter = asked('OTEL_TRACES_EXPORTER');
  if (exporter === 'none') return false;
  if (exporter !== '' && exporter !== 'otlp') {
    log.warn(
      {},
      `OTEL_TRACES_EXPORTER is "${exporter}"; Tutti knows "otlp" and "none": it does not trace.`,
    );
    return false;
  }
  const protocol =
    asked('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || asked('OTEL_EXPORTER_OTLP_PROTOCOL');
  const endpoint =
    asked('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') || asked('OTEL_EXPORTER_OTLP_ENDPOINT');
  const wanted = exporter === 'otlp' || endpoint !== '';
  if (wanted && protocol === 'grpc') {
    log.warn(
      {},
      'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; Tutti sends traces over HTTP, as JSON: give the collector\'s HTTP port.',
    );
  }
  return wanted;
}

async function loadSdk() {
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  return { BatchSpanProcessor, NodeTracerProvider, OTLPTraceExporter };
}
type Sdk = Awaited<ReturnType<typeof loadSdk>>;

function notThere(error: unknown, log: Log): undefined {
  const reason = error instanceof Error ? error.message : String(error);
  log.warn(
    { reason },
    `Traces are asked for, but the SDK is not installed: npm install ${PACKAGES}. Tutti continues without traces.`,
  );
}

/** The SDK writes errors out as JSON, stack and all. */
function sentenceOf(message: string): string {
  const found = /"message":"([^"]*)"/.exec(message)?.[1];
  return found === undefined || found === '' ? message.slice(0, 500) : found;
}

const nothing = (): void => {};

function reportTo(log: Log): void {
  let silentUntil = 0;
  const warn = (message: string): void => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + SILENCE_MS;
    log.warn({ reason: sentenceOf(message) }, 'Traces could not be sent.');
  };
  const logger = { error: warn, warn, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** What the spans say of this process. Written out, because its class is no package of its own here. */
function resourceOf(environment: Environment, nodeName: string): Resource {
  const attributes: Record<string, string> = {
    'service.name': 'tutti',
    'service.version': VERSION,
    'service.instance.id': nodeName,
    ...pairsOf(environment['OTEL_RESOURCE_ATTRIBUTES'] ?? ''),
  };
  const name = environment['OTEL_SERVICE_NAME'] ?? '';
  if (name !== '') attributes['service.name'] = name;
  const resource: Resource = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

/** `key=value,key=value`, percent-encoded, as OpenTelemetry writes them. */
function pairsOf(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  const full = pairs.filter(([key = '', value]) => key.trim() !== '' && value !== undefined);
  return Object.fromEntries(
    full.map(([key = '', ...rest]) => [key.trim(), decoded(rest.join('='))]),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text.trim();
  }
}
