import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPERATIONS, pathOf } from '../../protocol/routes.ts';
import type { Route } from '../../protocol/route.ts';
import type { Chance } from '../chaos/chance.ts';
import { nastyBytes, nastyJson, nastyText } from './nasty.ts';
import { FUZZ_LIMIT_MS, fuzz } from './session.ts';
import { type Answer, type Asked, Victim } from './victim.ts';

const WAITING = `
workflow: waiting
inputs: { any: { type: object, default: {} } }
tasks:
  wait: { wait: 1h }
  after: { needs: [wait], action: tutti.set, with: { values: "\${{ inputs.any }}" } }
`;

let victim: Victim;
let runs: string[] = [];
beforeAll(async () => {
  victim = await Victim.start();
  await victim.deploy(WAITING);
  runs = [await victim.start('waiting'), await victim.start('innocent')];
});
afterAll(() => victim.close());

/** What makes a request go further than the first check. */
function plausible(chance: Chance, name: string): string | undefined {
  const texts: Readonly<Record<string, readonly string[]>> = {
    workflow: ['waiting', 'innocent'],
    run: runs,
    task: ['wait', 'after', 'first'],
    to: ['after'],
    as: ['succeeded', 'failed'],
    verb: ['hold', 'release', 'cancel'],
    source: [WAITING],
    reason: ['because'],
    filter: [JSON.stringify({ workflow: 'waiting' })],
    inputs: ['{}', '{"any":{"a":1}}'],
    version: ['1'],
    limit: ['1', '500'],
    after: ['-1', '0', '5'],
    wait: ['0s', '1ms'],
    businessDate: ['2026-01-31'],
    status: ['running', 'failed'],
  };
  const known = texts[name];
  return known === undefined ? undefined : chance.pick(known);
}

function asJson(name: string, text: string): string {
  return ['filter', 'inputs', 'version', 'limit'].includes(name) ? text : JSON.stringify(text);
}

function shapeOf(schema: unknown): string[] {
  let inner = schema as { shape?: object; def?: { innerType?: unknown; in?: unknown } } | undefined;
  while (inner !== undefined && inner.shape === undefined)
    inner = (inner.def?.innerType ?? inner.def?.in) as typeof inner;
  return Object.keys(inner?.shape ?? {});
}

function bodyOf(chance: Chance, route: Route): string | Uint8Array | undefined {
  if (route.schema.body === undefined) return chance.happens(0.1) ? nastyJson(chance) : undefined;
  if (chance.happens(0.05)) return new Uint8Array(nastyBytes(chance, 5_000));
  if (chance.happens(0.1)) return nastyJson(chance);
  const fields: string[] = [];
  for (const name of shapeOf(route.schema.body)) {
    if (chance.happens(0.4)) continue;
    const good = chance.happens(0.75) ? plausible(chance, name) : undefined;
    fields.push(`"${name}":${good === undefined ? nastyJson(chance) : asJson(name, good)}`);
  }
  if (chance.happens(0.1)) fields.push(`"__proto__":${nastyJson(chance)}`);
  const text = `{${fields.join(',')}}`;
  return chance.happens(0.05) ? text.slice(0, chance.below(text.length)) : text;
}

function word(chance: Chance, name: string): string {
  const good = chance.happens(0.8) ? plausible(chance, name) : undefined;
  if (good !== undefined) return encodeURIComponent(good);
  const text = Buffer.from(nastyText(chance)).toString();
  return chance.happens(0.1) ? '%00' : chance.happens(0.1) ? '%ff%fe' : encodeURIComponent(text);
}

function requestOf(chance: Chance): Asked {
  const [, route] = chance.pick(OPERATIONS.filter(([, each]) => each.stream === undefined));
  const path = pathOf(route).replaceAll(/:(\w+)/g, (_, name: string) => word(chance, name));
  const query = shapeOf(route.schema.querystring)
    .filter(() => chance.happens(0.4))
    .map((name) => `${name}=${word(chance, name)}`);
  const headers: Record<string, string> = {};
  if (chance.happens(0.2)) headers['idempotency-key'] = nastyText(chance).replaceAll(/[^!-~]/g, '');
  if (chance.happens(0.2)) headers['x-tutti-actor'] = encodeURIComponent('a b');
  if (headers['idempotency-key'] === '') delete headers['idempotency-key'];
  const body = route.method === 'GET' ? undefined : bodyOf(chance, route);
  const asked = `/${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
  return { method: route.method, path: asked, headers, ...(body !== undefined && { body }) };
}

/** Who is answered before the whole body was sent may find the connection closed, and no answer. */
async function answerTo(asked: Asked): Promise<Answer> {
  try {
    return await victim.ask(asked);
  } catch (error) {
    if (asked.body === undefined || (error as Error).name === 'TimeoutError') throw error;
    return { status: 0, text: '' };
  }
}

it(
  'answers whatever it is asked, and never with 500',
  async () => {
    const found = await fuzz(victim, 'request bodies', async (chance) => {
      const asked = Array.from({ length: 8 }, () => requestOf(chance));
      const answers = await Promise.all(asked.map(answerTo));
      return answers.flatMap(({ status, text }, index) => {
        if (status < 500) return [];
        const { method, path, body } = asked[index] as Asked;
        const sent = String(body ?? '').slice(0, 400);
        return [`${method} ${path.slice(0, 400)} ${sent} was answered with ${status}: ${text}`];
      });
    });
    expect(found).toEqual([]);
  },
  FUZZ_LIMIT_MS,
);
