/**
 * What the server has promised: every command that it acknowledged, with the words by which its
 * event is found again.
 */
export interface Start {
  readonly key: string;
  readonly run: string;
  readonly workflow: string;
  readonly lines: number;
}

export interface Promised {
  readonly run: string;
  readonly verb: string;
  readonly task: string | null;
  /** Unique; stands in the event as its reason. */
  readonly reason: string;
  readonly askedAt: number;
  readonly answeredAt: number;
}

export class PromiseLedger {
  readonly starts: Start[] = [];
  readonly commands: Promised[] = [];
  refused = 0;
  lost = 0;
  #reasons = 0;

  nextReason(): string {
    this.#reasons += 1;
    return `chaos-${this.#reasons}`;
  }
}
