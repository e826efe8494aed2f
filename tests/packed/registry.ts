/**
 * A registry of packages on loopback, made of what is installed in this checkout: with it
 * `npm install` needs no network. Versions are those of package-lock.json; archives are made when
 * they are asked for.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../house/source.ts';

const lockSchema = z.object({ packages: z.record(z.string(), z.looseObject({})) });
const manifestSchema = z.looseObject({ name: z.string(), version: z.string() });
type Manifest = z.infer<typeof manifestSchema>;

export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

export async function openRegistry(): Promise<Registry> {
  const installed = readInstalled();
  const server = createServer((request, response) => answer(installed, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** By folder (`node_modules/pg`): one package may be there in several versions. */
function readInstalled(): ReadonlyMap<string, Manifest> {
  const lock = lockSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  const found = new Map<string, Manifest>();
  for (const folder of Object.keys(lock.packages)) {
    const file = join(ROOT, folder, 'package.json');
    if (folder === '' || !existsSync(file)) continue;
    found.set(folder, manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
  }
  return found;
}

function answer(
  installed: ReadonlyMap<string, Manifest>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
  const asked = decodeURIComponent(url.pathname.slice(1));
  const folder = asked.startsWith('-/') ? asked.slice(2).replace(/\.tgz$/, '') : null;
  if (folder !== null && installed.has(folder)) {
    sendArchive(folder, response);
    return;
  }
  const versions = [...installed].filter(([, manifest]) => manifest.name === asked);
  response.writeHead(versions.length === 0 ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(packument(asked, versions, url.origin)));
}

function packument(
  name: string,
  versions: readonly (readonly [string, Manifest])[],
  origin: string,
): object {
  const entries = versions.map(([folder, manifest]) => [
    manifest.version,
    { ...manifest, dist: { tarball: `${origin}/-/${encodeURIComponent(folder)}.tgz` } },
  ]);
  // The one that is not below another package is what most of them ask for.
  const latest = versions.toSorted(([a], [b]) => a.length - b.length)[0]?.[1].version;
  return { name, 'dist-tags': { latest }, versions: Object.fromEntries(entries) };
}

function sendArchive(folder: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const words = ['--exclude=./node_modules', '--transform=s,^\\.,package,', '-I', 'gzip -1'];
  const tar = spawn('tar', ['-C', join(ROOT, folder), ...words, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  tar.stdout.pipe(response);
}
