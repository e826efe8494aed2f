/**
 * Names of actors that only Tutti itself writes into a history. Whoever asks under one of them would
 * be taken for the engine, or for a job, by all who read it later.
 */

/** As the engine writes itself (`ENGINE`), as people would read it, and a job by its run. */
const RESERVED = /^(tutti|system|engine|run( .*)?)$/;

/** What the engine does by itself is done by this actor. */
export const ENGINE = 'tutti';

/** Whatever its case, the forms of its letters, and what stands around and between them unseen. */
export function isReservedActor(name: string): boolean {
  const plain = name
    .normalize('NFKC')
    .replaceAll(/[\p{Cf}\p{Cc}\p{Mn}]/gu, '')
    .replaceAll(/\s+/gu, ' ');
  return RESERVED.test(plain.trim().toLowerCase());
}
