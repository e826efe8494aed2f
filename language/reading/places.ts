/** From a path in the value of a file back to the character where it stands. */
import { type Document, isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Alias, Pair, YAMLMap } from 'yaml';
import type { Issue } from '../../model/issue.ts';
import { offsetInSource } from './offset.ts';

/** Where a node begins; undefined of what does not stand in the file. */
export function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  return Array.isArray(node.range) ? Number(node.range[0]) : undefined;
}

/** The places of one document; lives as long as its issues are looked up. */
export class Places {
  readonly #document: Document.Parsed;
  readonly #text: string;
  readonly #targets: ReadonlyMap<Alias, unknown>;
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair>>();

  /** `targets`: what aliases stand for. */
  constructor(document: Document.Parsed, text: string, targets: ReadonlyMap<Alias, unknown>) {
    this.#document = document;
    this.#text = text;
    this.#targets = targets;
  }

  /** Where the issue stands; the nearest place that exists when its path leads nowhere. */
  offsetOf(issue: Issue): number | undefined {
    let node: unknown = this.#document.contents;
    let key: unknown;
    for (const part of issue.path) {
      if (isAlias(node)) node = this.#targets.get(node);
      if (isMap(node)) {
        const pair = this.#pairsOf(node).get(String(part));
        if (pair === undefined) return startOf(key ?? node);
        key = pair.key;
        node = pair.value;
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(part)];
        if (item === undefined) return startOf(key ?? node);
        key = item;
        node = item;
      } else return startOf(key ?? node);
    }
    if (issue.at === 'key') return startOf(key ?? node);
    if (isScalar(node) && issue.offset !== undefined) {
      return offsetInSource(node, this.#text, issue.offset);
    }
    return startOf(node ?? key);
  }

  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, Pair>();
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : undefined;
      if (name !== undefined && !pairs.has(name)) pairs.set(name, pair);
    }
    this.#pairs.set(map, pairs);
    return pairs;
  }
}
