/**
 * Connection strings as libpq reads them, with one host or several:
 *
 *   postgresql://user@h1:5432,h2:5433/db?target_session_attrs=read-write
 *   postgresql:///db?host=/sockets/a,/sockets/b&port=5432,5433
 *
 * The driver knows one host only, so a list becomes one connection per host. A list of hosts is a
 * list of servers of one cluster, of which one takes writes; which one is found out at every
 * connect (`postgres/hosts.ts`), so `target_session_attrs` may be left out.
 *
 * No message of this file quotes the string: it may hold a password.
 */
import type pg from 'pg';
import { TuttiError } from '../model/errors.ts';

export interface Host {
  /** For people: host and port, nothing else. */
  readonly name: string;
  readonly connection: pg.ClientConfig;
}

interface UrlParts {
  readonly scheme: string;
  /** With its `@`; as it was written. */
  readonly user: string;
  readonly authority: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
}

const PORT = '5432';
const FORM = /^([a-z]+):\/\/((?:[^/?#]*@)?)([^/?#@]*)([^?#]*)(?:\?([^#]*))?/i;
/** Ours to understand; the driver would take them for settings of the server. */
const OURS = ['target_session_attrs', 'load_balance_hosts', 'connect_timeout'];
/** Any of them ends at the server that takes writes. */
const TARGETS = ['any', 'read-write', 'primary'];

export function parseConnectionString(text: string, applicationName: string): readonly Host[] {
  const parts = partsOf(text);
  const { parameters } = parts;
  checkTarget(parameters.get('target_session_attrs'));
  const more = { application_name: applicationName, ...timeout(parameters.get('connect_timeout')) };
  const addresses = addressesOf(parts);
  const [only] = addresses;
  if (addresses.length === 1 && only !== undefined && !OURS.some((name) => parameters.has(name))) {
    return [{ name: nameOf(only), connection: { connectionString: text, ...more } }];
  }
  return addresses.map((address) => ({
    name: nameOf(address),
    connection: { connectionString: stringFor(parts, address), ...more },
  }));
}

/** Every form in which a password may be quoted, also of a string that is wrong elsewhere. */
export function passwordsIn(text: string): string[] {
  const [, , user = '', , , query = ''] = FORM.exec(text) ?? [];
  const colon = user.indexOf(':');
  const raw = [
    ...(colon === -1 ? [] : [user.slice(colon + 1, -1)]),
    ...[...query.matchAll(/(?:^|&)password=([^&]*)/g)].map((match) => match[1] ?? ''),
  ];
  const all = raw.flatMap((word) => [word, decoded(word), encodedByUrl(word)]);
  return [...new Set(all)].filter((word) => word !== '');
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    // ignored: what is not encoded is taken as it is written.
    return word;
  }
}

/** What a URL makes of a password that was written plainly: some messages quote that. */
function encodedByUrl(word: string): string {
  const url = new URL('postgresql://host');
  url.password = word;
  return url.password;
}

function partsOf(text: string): UrlParts {
  const match = FORM.exec(text);
  const scheme = match?.[1] ?? /^([a-z]+):/i.exec(text)?.[1];
  if (match === null || (scheme !== 'postgres' && scheme !== 'postgresql')) {
    const found = scheme === undefined || scheme.startsWith('postgres') ? '' : `, not ${scheme}://`;
    throw wrong(`must begin with postgres:// or postgresql://${found}`);
  }
  const [, , user = '', authority = '', path = '', query = ''] = match;
  return { scheme, user, authority, path, parameters: new URLSearchParams(query) };
}

function checkTarget(target: string | null): void {
  if (target === null || TARGETS.includes(target)) return;
  throw wrong(
    `asks for target_session_attrs=${target}; Tutti writes, so it must be ${TARGETS.join(', ')} or left out`,
  );
}

function timeout(seconds: string | null): pg.ClientConfig {
  if (seconds === null) return {};
  if (!/^\d{1,6}$/.test(seconds)) throw wrong('has a connect_timeout that is not a whole number');
  // As in libpq, 0 is no limit of the caller's: then ours holds.
  return seconds === '0' ? {} : { connectionTimeoutMillis: Number(seconds) * 1_000 };
}

interface HostAddress {
  readonly host: string;
  readonly port: string;
}

function addressesOf({ authority, parameters }: UrlParts): readonly HostAddress[] {
  const hosts = parameters.get('host')?.split(',');
  const ports = parameters.get('port')?.split(',');
  const written = authority.split(',').map(addressOf);
  const addresses =
    hosts === undefined
      ? written
      : hosts.map((host, at) => ({ host, port: written[at]?.port ?? written[0]?.port ?? '' }));
  if (ports !== undefined && ports.length !== 1 && ports.length !== addresses.length) {
    throw wrong(`has ${addresses.length} hosts and ${ports.length} ports`);
  }
  return addresses.map(({ host, port }, at) => {
    if (host === '' && addresses.length > 1) throw wrong('has an empty host in its list');
    const chosen = ports === undefined ? port : (ports[at] ?? ports[0] ?? '');
    if (!/^\d{0,5}$/.test(chosen) || Number(chosen) > 65_535) {
      throw wrong(`has a port that is no number from 1 to 65535: ${chosen}`);
    }
    return { host, port: chosen };
  });
}

function addressOf(written: string): HostAddress {
  // The colons of an IPv6 address stand in brackets.
  const match = /^(\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(written);
  if (match === null) throw wrong('has a host with more than one colon; put IPv6 in brackets');
  return { host: decoded(match[1] ?? ''), port: match[2] ?? '' };
}

function nameOf({ host, port }: HostAddress): string {
  return `${host === '' ? 'localhost' : host}:${port === '' ? PORT : port}`;
}

function stringFor(
  { scheme, user, path, parameters }: UrlParts,
  { host, port }: HostAddress,
): string {
  const query = new URLSearchParams(parameters);
  for (const name of [...OURS, 'host', 'port']) query.delete(name);
  const socket = host.startsWith('/');
  if (socket) query.set('host', host);
  const authority = `${socket || host === '' ? 'localhost' : host}:${port === '' ? PORT : port}`;
  const rest = query.size === 0 ? '' : `?${query.toString()}`;
  return `${scheme}://${user}${authority}${path}${rest}`;
}

function wrong(what: string): TuttiError {
  return new TuttiError('database.unreachable', `The database URL ${what}.`);
}

/** A connection as a URL. A folder of a socket cannot be its host; PostgreSQL takes it as a parameter. */
export function connectionUrl({ user, password, database, host, port }: pg.ClientConfig): string {
  const url = new URL(`postgresql://localhost/${encodeURIComponent(database ?? '')}`);
  url.username = encodeURIComponent(user ?? '');
  if (typeof password === 'string') url.password = encodeURIComponent(password);
  if (host?.startsWith('/') === true) url.searchParams.set('host', host);
  else if (host !== undefined) url.hostname = host;
  if (port !== undefined) url.port = String(port);
  return url.href;
}
