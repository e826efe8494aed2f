/**
 * Where a request goes and what it carries: the URL against the system's, and the credentials,
 * which stay with the system that they are for.
 */
import { z } from 'zod';
import { ActionFailure, textValue } from '../kit/index.ts';

/** Headers that frame the message: only the code that sends it may set them. */
const OF_THE_MESSAGE =
  /^(?:connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a header name')
  .refine((name) => !OF_THE_MESSAGE.test(name), {
    error: ({ input }) => `the header ${String(input)} belongs to the message itself; leave it out`,
  });
const headerValue = z.string().regex(/^[\t\x20-\x7E\x80-\xFF]*$/, 'must be one line of Latin-1');
export const headersSchema = z.record(headerName, textValue.pipe(headerValue));

const fields = z.strictObject({
  'base-url': z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]/.test(url), 'must have no query and no fragment')
    .optional()
    .describe('Where relative URLs start; credentials go nowhere else'),
  headers: headersSchema
    .optional()
    .meta({ secret: 'headers' })
    .describe('Sent with every request; their values are secrets'),
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
export type HttpConfig = z.output<typeof configSchema>;

function carriesNothing({ headers, token, username }: z.output<typeof fields>): boolean {
  return headers === undefined && token === undefined && username === undefined;
}

/** For messages: no user, no password, no query, no fragment. */
export function publicUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

export function targetOf(config: HttpConfig, text: string, query: Record<string, string>): URL {
  const base = config['base-url'];
  const url = resolve(base, text);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  if (isOutside(config, url)) {
    throw refused(
      `${publicUrl(url)} is outside of the system's base-url; leave out the system, or name the right one`,
    );
  }
  if (base !== undefined && climbs(url)) {
    throw refused(`${publicUrl(url)} holds ".." in another spelling, which may lead anywhere`);
  }
  return url;
}

function isBelow(url: URL, base: URL): boolean {
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  return url.origin === base.origin && `${url.pathname}/`.startsWith(folder);
}

/** As a server may read it that decodes before it cuts: `%2e%2e%2f`, `..%5C`, `..;a=b`. */
function climbs(url: URL): boolean {
  let path = url.pathname;
  for (let times = 0; times < 3; times += 1) {
    path = path.replaceAll(/%(?:2e|2f|5c|25|3b)/gi, (code) => decodeURIComponent(code));
  }
  return path.split(/[\\/]/).some((segment) => /^\.\.(?:;.*)?$/.test(segment));
}

function resolve(base: string | undefined, text: string): URL {
  // `orders/1` goes below `https://host/api`, as a reader expects it.
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

export function credentialsOf({ headers, token, username, password }: HttpConfig) {
  const given: Record<string, string> = { ...headers };
  if (token !== undefined) given['authorization'] = `Bearer ${token}`;
  if (username !== undefined) {
    const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    given['authorization'] = `Basic ${pair}`;
  }
  return given;
}

/** What may go along to another host. Everything else may be a secret, whatever its name. */
const PUBLIC = /^(?:accept|accept-.*|cache-control|if-.*|pragma|range|user-agent)$/;
/** Tutti's own: for the first host, and no secret. They stay behind. */
const OURS = /^(?:idempotency-key|traceparent|tracestate)$/;

/**
 * The headers for another host that a redirect leads to, or the names of those that forbid it:
 * what the system and the task say is for the host that they name.
 */
export function headersElsewhere(
  config: HttpConfig,
  { url, headers }: { url: URL; headers: Readonly<Record<string, string>> },
): { readonly headers: Readonly<Record<string, string>> } | { readonly secret: string } {
  if (!carriesNothing(config)) return { secret: "the system's headers or credentials" };
  if (url.username !== '' || url.password !== '') return { secret: 'a user in its URL' };
  const names = Object.keys(headers);
  const others = names.filter((name) => !PUBLIC.test(name) && !OURS.test(name));
  if (others.length > 0) return { secret: `the header ${others.join(', ')}` };
  const open = Object.entries(headers).filter(([name]) => PUBLIC.test(name));
  return { headers: Object.fromEntries(open) };
}

/** Not below the system's base-url: its credentials have no business there. */
export function isOutside(config: HttpConfig, url: URL): boolean {
  const base = config['base-url'];
  return base !== undefined && !isBelow(url, new URL(base));
}

/** Services that answer with what they were sent would give our secrets away. */
export function withoutSecrets(config: HttpConfig, text: string): string {
  const secrets = [config.token, config.password, credentialsOf(config)['authorization']];
  return secrets.reduce<string>(
    (clean, secret) => (secret ? clean.replaceAll(secret, '***') : clean),
    text,
  );
}
