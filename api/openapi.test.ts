import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from '../model/errors.ts';
import { OPERATIONS, pathOf } from '../protocol/routes.ts';
import { API_PREFIX, TAGS } from '../protocol/route.ts';
import { problem } from './document.ts';
import { FakeServices, OPEN } from './services.fake.ts';
import type { App } from './app.ts';
import { createApp } from './server.ts';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name?: string; readonly in?: string }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: object }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: object;
  };
  readonly security: readonly object[];
}

let app: App;
let document: Document;
let operations: [string, string, Operation][];
beforeAll(async () => {
  app = await createApp(new FakeServices(), { access: OPEN, version: '1.2.3' });
  document = (await app.inject({ url: '/api/openapi.json' })).json();
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]): [string, string, Operation] => [path, method, one]),
  );
});
afterAll(() => app.close());

const PROBLEM = 'application/problem+json';

function faultsOf(path: string, one: Operation): string[] {
  const named = new Set((one.parameters ?? []).map((each) => `${each.in} ${each.name}`));
  const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => `path ${name}`);
  const answers = Object.entries(one.responses);
  const isGood = (status: string) => status.startsWith('2') || path === '/readyz';
  const types = ({ content = {} }: { content?: object }) => Object.keys(content).join();
  return [
    ...(/^[a-z][A-Za-z]+$/.test(one.operationId ?? '') ? [] : ['no name']),
    ...(/^[A-Z].+[^.]$/.test(one.summary ?? '') ? [] : ['no summary']),
    ...((one.tags ?? []).some((tag) => Object.hasOwn(TAGS, tag)) ? [] : ['no chapter']),
    ...parts.filter((part) => !named.has(part)),
    ...['403', '500'].filter((status) => one.responses[status] === undefined),
    ...answers
      .filter(([, { description }]) => description === 'Default Response')
      .map(([status]) => `${status} says nothing`),
    ...answers
      .filter(([status, answer]) => !isGood(status) && types(answer) !== PROBLEM)
      .map(([status]) => `${status} is no problem document`),
  ];
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0');
    expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
  });

  it('has every route of the table and no other', () => {
    const documented = operations.map(
      ([path, method, one]) => `${one.operationId} ${method.toUpperCase()} ${path}`,
    );
    const declared = OPERATIONS.map(
      ([operation, route]) =>
        `${operation} ${route.method} ${pathOf(route).replaceAll(/:(\w+)/g, '{$1}')}`,
    );
    expect(documented.toSorted()).toEqual(declared.toSorted());
  });

  it('says of every operation what it is, where it belongs and how it refuses', () => {
    const faults = operations.flatMap(([path, method, one]) =>
      faultsOf(path, one).map((fault) => `${method} ${path}: ${fault}`),
    );
    expect(faults).toEqual([]);
    expect(document.tags.map(({ name }) => name)).toEqual(Object.keys(TAGS));
  });

  it('says what opens an operation, and which are open', () => {
    const open = operations
      .filter(([, , one]) => one.security?.length === 0)
      .map(([, , one]) => one.operationId);
    expect(new Set(open)).toEqual(
      new Set(OPERATIONS.filter(([, route]) => route.open).map(([operation]) => operation)),
    );
    expect(Object.keys(document.components.securitySchemes)).toEqual(['token', 'session']);
    expect(document.security).toEqual([{ token: [] }, { session: [] }]);
  });

  it('wants a body only where there must be one', () => {
    const body = (path: string) => document.paths[`${API_PREFIX}${path}`]?.['post']?.requestBody;
    expect(body('/runs/{run}/hold')).toMatchObject({ required: false });
    expect(body('/runs')).toMatchObject({ required: true });
  });

  it('describes the parameters of long polls and commands', () => {
    const names = (path: string, method: string) =>
      (document.paths[`${API_PREFIX}${path}`]?.[method]?.parameters ?? []).map((one) => one.name);
    expect(names('/runs/{run}/events', 'get')).toEqual(
      expect.arrayContaining(['after', 'limit', 'wait']),
    );
    expect(JSON.stringify(document.paths[`${API_PREFIX}/runs`]?.['post'])).toContain(
      '#/components/parameters/IdempotencyKey',
    );
  });

  it('holds no schema that nothing refers to, and none twice', () => {
    const text = JSON.stringify(document);
    const names = Object.keys(document.components.schemas);
    const unused = names.filter((name) => !text.includes(`"#/components/schemas/${name}"`));
    const alone = names.filter(
      (name) => name.endsWith('Input') && !names.includes(name.slice(0, -5)),
    );
    expect([...unused, ...alone]).toEqual([]);
  });
});

describe('the page', () => {
  it('comes from this server alone, under a policy that says so', async () => {
    const page = await app.inject({ url: '/api/docs/' });
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    const scripts = [...page.body.matchAll(/(?:src|href)="\.?([^"]+)"/g)].map(([, path]) => path);
    expect(scripts.length).toBeGreaterThan(3);
    const urls = scripts.map((path) => (path?.startsWith('/api') ? path : `/api/docs${path}`));
    const answers = await Promise.all(urls.map((url) => app.inject({ url })));
    expect(answers.map((answer) => answer.statusCode)).toEqual(urls.map(() => 200));
  });

  it('is where the front page leads', async () => {
    const front = await app.inject({ url: '/' });
    expect(front).toMatchObject({ statusCode: 303, headers: { location: '/api/docs' } });
  });

  it('of errors has each code that the `type` of a problem names', async () => {
    const page = await app.inject({ url: '/docs/errors' });
    expect(page.headers['content-type']).toContain('text/html');
    const missing = Object.keys(CATALOGUE).filter((code) => {
      const [path, id] = problem(code, 'x').type.split('#');
      return path !== '/docs/errors' || !page.body.includes(`id="${id}"`);
    });
    expect(missing).toEqual([]);
  });

  it('honours the guard', async () => {
    const page = await app.inject({ url: '/api/docs/', headers: { host: 'evil.example' } });
    expect(page.statusCode).toBe(403);
  });
});
