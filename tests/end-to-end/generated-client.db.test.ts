/** What a stranger does with the OpenAPI document: generates a client, starts a run, follows it to its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'openapi-typescript-codegen';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventBatch } from '../../protocol/events.ts';
import type { ProblemDocument } from '../../protocol/problem.ts';
import { ACCESS } from '../../api/services.fake.ts';
import { serve, type Served } from './served.ts';

const SOURCE = `
workflow: greets
inputs:
  name: { type: string }
tasks:
  say: { action: tutti.set, with: { values: { greeting: "Hello \${{ inputs.name }}" } } }
  done: { needs: [say], action: tutti.noop }
`;

/** The part of the generated code that is used here. */
interface Generated {
  readonly OpenAPI: { BASE: string; TOKEN?: string | undefined };
  readonly ApiError: new (...args: never[]) => Error & { readonly body: ProblemDocument };
  readonly WorkflowsService: {
    deployWorkflow(asked: { requestBody: object }): Promise<{ workflow: string; version: number }>;
  };
  readonly RunsService: {
    startRun(asked: { requestBody: object; idempotencyKey?: string }): Promise<{ run: string }>;
    getRun(asked: { run: string }): Promise<{ status: string; taskViews: readonly object[] }>;
    readEvents(asked: { run: string; after: number; wait: string }): Promise<EventBatch>;
  };
}

let served: Served;
let folder: string;
let generated: Generated;
beforeAll(async () => {
  served = await serve({ access: ACCESS });
  folder = mkdtempSync(join(tmpdir(), 'tutti-generated-'));
  const headers = { authorization: `Bearer ${ACCESS.token}` };
  const answer = await fetch(`${served.url}/api/openapi.json`, { headers });
  const input = (await answer.json()) as Record<string, unknown>;
  await generate({ input, output: folder, httpClient: 'fetch', useOptions: true });
  generated = await import(join(folder, 'index.ts'));
  generated.OpenAPI.BASE = served.url;
  generated.OpenAPI.TOKEN = ACCESS.token;
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

it('starts a run and follows it to its end', async () => {
  const { RunsService, WorkflowsService } = generated;
  const deployed = await WorkflowsService.deployWorkflow({ requestBody: { source: SOURCE } });
  expect(deployed).toMatchObject({ workflow: 'greets', version: 1 });
  const requestBody = { workflow: 'greets', inputs: { name: 'Ada' } };
  const { run } = await RunsService.startRun({ requestBody, idempotencyKey: 'once' });
  expect(await RunsService.startRun({ requestBody, idempotencyKey: 'once' })).toEqual({ run });
  const types: string[] = [];
  for (let after = -1; types.at(-1) !== 'RunEnded'; ) {
    const batch = await RunsService.readEvents({ run, after, wait: '20s' });
    types.push(...batch.events.map(({ type }) => type));
    after = batch.next;
  }
  expect(types).toEqual(['RunStarted', 'TaskEnded', 'TaskEnded', 'RunEnded']);
  expect(await RunsService.getRun({ run })).toMatchObject({
    status: 'succeeded',
    taskViews: [{ task: 'say', output: { greeting: 'Hello Ada' } }, { task: 'done' }],
  });
});

it('hears why it is refused', async () => {
  const refused = generated.RunsService.getRun({ run: 'nobody' });
  await expect(refused).rejects.toBeInstanceOf(generated.ApiError);
  await expect(refused).rejects.toMatchObject({ body: { code: 'run.unknown' } });
});

it('is let in by nothing but the token', async () => {
  const { OpenAPI, RunsService } = generated;
  OpenAPI.TOKEN = undefined;
  await expect(RunsService.getRun({ run: 'nobody' })).rejects.toMatchObject({
    body: { code: 'auth.required' },
  });
  OpenAPI.TOKEN = ACCESS.token;
});
