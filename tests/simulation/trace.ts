/**
 * What happened, a line for each step. The same seed must give the same lines: two traces are
 * compared line by line, and the digest is what is left of one.
 */
export interface Difference {
  readonly step: number;
  readonly first: string;
  readonly second: string;
}

export class Trace {
  readonly lines: string[] = [];

  note(line: string): void {
    this.lines.push(line);
  }

  tail(count: number): readonly string[] {
    return this.lines.slice(-count);
  }

  /** FNV-1a over all lines, as eight hexadecimal digits. */
  get digest(): string {
    let hash = 0x811c9dc5;
    for (const line of this.lines) {
      for (let at = 0; at < line.length; at++) {
        hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
      }
    }
    return (hash >>> 0).toString(16).padStart(8, '0');
  }
}

/** The first line in which two traces differ; undefined when they are the same. */
export function differenceOf(first: Trace, second: Trace): Difference | undefined {
  const length = Math.max(first.lines.length, second.lines.length);
  for (let step = 0; step < length; step++) {
    const [one = 'nothing more', other = 'nothing more'] = [first.lines[step], second.lines[step]];
    if (one !== other) return { step, first: one, second: other };
  }
  return undefined;
}
