/** Which files are part of what users install: laws about shipped code look at these. */
import { ORDER } from './rooms.ts';
import { isTestCode } from './source.ts';

export function isShipped(path: string): boolean {
  return ORDER.includes(path.split('/')[0] ?? '') && !isTestCode(path);
}
