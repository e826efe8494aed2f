/** The version that package.json says; the same file stands above the sources and above dist. */
import { existsSync, readFileSync } from 'node:fs';

function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    const file = new URL(place, import.meta.url);
    if (!existsSync(file)) continue;
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
  }
  return '0.0.0';
}

export const VERSION = readVersion();
