/**
 * Traces as an operator has them: a real `tutti serve`, told by the environment to send them to a
 * collector, a service and a script that are told where they are in the trace.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { RUN_IS_OVER } from '../../model/run.ts';
import { eventBatchSchema } from '../../protocol/events.ts';
import { logBatchSchema } from '../../protocol/logs.ts';
import { ServeProcess } from '../chaos/serve-process.ts';

const attribute = z.object({
  key: z.string(),
  value: z.object({ stringValue: z.string().optional() }),
});
const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              name: z.string(),
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              status: z.object({ code: z.number().optional() }),
              links: z.array(z.object({ traceId: z.string() })).optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});
type Exported = z.output<typeof exported>;
type Sent = Exported['resourceSpans'][number]['scopeSpans'][number]['spans'][number];

const CALLER = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
const SECRET = 'do-not-tell';

/** The collector and the service that the workflow calls, in one. */
let sink: Server;
let base: string;
let folder: string;
let serve: ServeProcess;
const batches: Exported[] = [];
const heard: (string | undefined)[] = [];

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function take(request: IncomingMessage): Promise<void> {
  const body = await bodyOf(request);
  if (request.url === '/v1/traces') batches.push(exported.parse(JSON.parse(body)));
  else heard.push(request.headers['traceparent'] as string | undefined);
}

beforeAll(async () => {
  sink = createServer((request, response) => {
    void take(request).finally(() =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    );
  });
  await new Promise<void>((resolve) => {
    sink.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'tutti-traces-'));
  serve = new ServeProcess(folder, {
    OTEL_EXPORTER_OTLP_ENDPOINT: base,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%20bed',
  });
});
afterAll(async () => {
  serve.kill('SIGKILL');
  await serve.exited;
  sink.closeAllConnections();
  sink.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(): { authorization: string } {
  return { authorization: `Bearer ${serve.token}` };
}

/** Follows the run to its end: each question waits for news. */
async function ended(run: string): Promise<void> {
  for (let after = -1; ; ) {
    const reply = await fetch(`${run}/events?after=${after}&wait=25`, { headers: opened() });
    const batch = eventBatchSchema.parse(await reply.json());
    after = batch.next;
    if (RUN_IS_OVER.has(batch.status) && !batch.more) return;
  }
}

async function printed(run: string): Promise<string> {
  const { chunks } = logBatchSchema.parse(
    await (await fetch(`${run}/logs`, { headers: opened() })).json(),
  );
  return chunks.map(({ stream, text }) => (stream === 'out' ? text : '')).join('');
}

async function post(url: string, body: object): Promise<string> {
  const headers = { ...opened(), 'content-type': 'application/json', traceparent: CALLER };
  const reply = await fetch(`${url}/api/v1/runs`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return z.object({ run: z.string() }).parse(await reply.json()).run;
}

it('sends the spans of a run to a collector, and its systems can go on with them', async () => {
  const url = (await serve.ready) ?? '';
  const source = `workflow: outside
inputs: { word: { type: string } }
tasks:
  call: { action: http.request, with: { url: "${base}/orders?w=\${{ inputs.word }}" } }
  script:
    needs: [call]
    action: shell.run
    with: { script: 'printf %s "$TRACEPARENT"; echo "$WORD" >&2; exit 3', env: { WORD: "\${{ inputs.word }}" } }
`;
  const run = await post(url, { source, inputs: { word: SECRET } });
  await ended(`${url}/api/v1/runs/${run}`);
  const text = await printed(`${url}/api/v1/runs/${run}`);
  serve.kill('SIGTERM');
  expect(await serve.exited).toMatchObject({ code: 0 });

  const spans = batches.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  const byName = new Map<string, Sent>(spans.map((span) => [span.name, span]));
  const traceId = run.replaceAll('-', '');
  const whole = byName.get('outside');
  expect([...byName.keys()].toSorted()).toEqual(['outside', 'outside/call', 'outside/script']);
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  expect(whole?.links).toMatchObject([{ traceId: 'c'.repeat(32) }]);
  expect(byName.get('outside/call')?.parentSpanId).toBe(whole?.spanId);
  expect(byName.get('outside/script')?.status.code).toBe(2);
  expect(heard).toEqual([`00-${traceId}-${byName.get('outside/call')?.spanId}-01`]);
  expect(text).toBe(`00-${traceId}-${byName.get('outside/script')?.spanId}-01`);
  expect(JSON.stringify(batches)).not.toContain(SECRET);
  const resource = batches[0]?.resourceSpans[0]?.resource.attributes ?? [];
  expect(resource).toContainEqual({ key: 'service.name', value: { stringValue: 'tutti' } });
  expect(resource).toContainEqual({
    key: 'deployment.environment.name',
    value: { stringValue: 'test bed' },
  });
});
