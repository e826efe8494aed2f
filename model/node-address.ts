/** The address of a node, as people and nodes write it. */

/** Where a node is reached: an http address that something can be added to; else undefined. */
export function addressOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const plain = url.username === '' && url.password === '' && !/[?#]/.test(text);
  return plain ? url.origin + url.pathname.replace(/\/+$/, '') : undefined;
}
