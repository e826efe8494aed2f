/**
 * Where a request goes and what it carries: the URL against the system's, and the credentials,
 * which stay with the system that they are for.
 */
import { z } from 'zod';
import { ActionFailure } from '../kit/index.ts';

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a header name');
const headerValue = z.string().regex(/^[\t\x20-\x7E\x80-\xFF]*$/, 'must be one line of Latin-1');
export const headersSchema = z.record(headerName, headerValue);

const fields = z.strictObject({
  'base-url': z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where relative URLs start; credentials go nowhere else'),
  headers: headersSchema.optional().describe('Sent with every request'),
  token: headerValue.min(1).optional().meta({ secret: true }).describe('Sent as bearer token'),
  username: z.string().min(1).optional().describe('For basic authentication'),
  password: z.string().optional().meta({ secret: true }).describe('For basic authentication'),
});
export const configSchema = fields
  .refine((config) => config.token === undefined || config.username === undefined, {
    message: 'has both `token` and `username`: one kind of authentication at a time',
  })
  .refine((config) => carriesNothing(config) || config['base-url'] !== undefined, {
    message: 'needs `base-url`, so that its headers and credentials go nowhere else',
    path: ['base-url'],
  });
export type Config = z.output<typeof configSchema>;

function carriesNothing({ headers, token, username }: z.output<typeof fields>): boolean {
  return headers === undefined && token === undefined && username === undefined;
}

/** For messages: no user, no password, no query, no fragment. */
export function publicUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

export function targetOf(config: Config, text: string, query: Record<string, string>): URL {
  const base = config['base-url'];
  const url = resolve(base, text);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  if (base !== undefined && url.origin !== new URL(base).origin) {
    throw refused(
      `${publicUrl(url)} is outside of the system's base-url; leave out the system, or name the right one`,
    );
  }
  return url;
}

function resolve(base: string | undefined, text: string): URL {
  // `orders/1` goes below `https://host/api`, as everybody means it who writes that.
  const start = base === undefined ? undefined : base.endsWith('/') ? base : `${base}/`;
  const relative = start === undefined ? text : text.replace(/^\/(?!\/)/, '');
  if (!URL.canParse(relative, start)) {
    throw refused(
      base === undefined
        ? 'the URL is not absolute, and the task names no system with a base-url'
        : 'the URL cannot be read',
    );
  }
  const url = new URL(relative, start);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`the URL begins with ${url.protocol}; only http: and https: can be requested`);
  }
  return url;
}

function refused(message: string): ActionFailure {
  return new ActionFailure({ class: 'rejected', code: 'http.url', message });
}

/** Names in lower case, so that later ones replace earlier ones. */
export function headersOf(...layers: readonly Readonly<Record<string, string>>[]) {
  const all = layers.flatMap((layer) => Object.entries(layer));
  return Object.fromEntries(all.map(([name, value]) => [name.toLowerCase(), value]));
}

export function credentialsOf({ headers, token, username, password }: Config) {
  const given: Record<string, string> = { ...headers };
  if (token !== undefined) given['authorization'] = `Bearer ${token}`;
  if (username !== undefined) {
    const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    given['authorization'] = `Basic ${pair}`;
  }
  return given;
}

const CREDENTIALS = /^(?:authorization|cookie|proxy-authorization|.*(?:token|secret|api-?key).*)$/;

/** Whether following a redirect to another host would hand it something that is not for it. */
export function carriesCredentials(
  config: Config,
  { url, headers }: { url: URL; headers: Readonly<Record<string, string>> },
): boolean {
  if (!carriesNothing(config) || url.username !== '' || url.password !== '') return true;
  return Object.keys(headers).some((name) => CREDENTIALS.test(name));
}

/** Services that answer with what they were sent would give our secrets away. */
export function withoutSecrets(config: Config, text: string): string {
  const secrets = [config.token, config.password, credentialsOf(config)['authorization']];
  return secrets.reduce<string>(
    (clean, secret) => (secret ? clean.replaceAll(secret, '***') : clean),
    text,
  );
}
