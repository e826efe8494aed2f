/**
 * The chain of a certificate: a head, then one entry for each task, each sealed by a hash.
 *
 *   hash 0     = SHA-256( canonical JSON of the head )
 *   hash n     = SHA-256( hash n-1, canonical JSON of entry n )
 *   the seal   = the last hash
 *
 * So every hash covers everything above it: to change one entry means to change all that follow,
 * and the seal, which Tutti keeps in its journal as the output of the run.
 */
import { createHash } from 'node:crypto';

export function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON with sorted names and no blanks: the same value always gives the same text. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

/** The certificate: the head's fields, the chain, the seal. */
export function seal(head, entries) {
  let hash = sha256(canonical(head));
  const chain = entries.map((entry) => {
    hash = sha256(hash + canonical(entry));
    return { entry, hash };
  });
  return { ...head, chain, seal: hash };
}

/** A certificate as the bytes of its file. */
export function textOf(certificate) {
  return `${JSON.stringify(certificate, null, 2)}\n`;
}

/** What is wrong with the bytes of a certificate; undefined when it is genuine. */
export function flawOf(bytes) {
  let certificate;
  try {
    certificate = JSON.parse(bytes);
  } catch {
    return 'it is not JSON';
  }
  const { chain, seal: given, ...head } = certificate ?? {};
  if (!Array.isArray(chain)) return 'it is not a certificate: there is no chain';
  const genuine = seal(
    head,
    chain.map((link) => link?.entry ?? null),
  );
  const broken = genuine.chain.findIndex((link, at) => link.hash !== chain[at]?.hash);
  if (broken >= 0) {
    const before = broken === 0 ? 'the head' : `entry ${broken}`;
    return `the chain breaks between ${before} and entry ${broken + 1} (${chain[broken]?.entry?.task})`;
  }
  if (genuine.seal !== given) return 'the seal does not fit the chain';
  // The values are right; then the bytes must be those that were written, blanks included.
  if (!Buffer.from(textOf(genuine)).equals(bytes)) return 'bytes were changed between its values';
  return undefined;
}
