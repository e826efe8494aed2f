/** A terminal that remembers, for tests. `until` resolves when the words have been said. */
import type { Lifetime } from './lifetime.ts';
import { runCli } from './main.ts';
import type { Terminal } from './terminal.ts';

export class ListeningTerminal implements Terminal {
  said = '';
  complained = '';
  readonly live: boolean = false;
  readonly color: boolean = false;
  readonly userName = 'ada';
  isRoot = false;
  answer: string | null = null;
  readonly asked: string[] = [];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  #waiting: { words: string; resolve: () => void }[] = [];

  constructor(workingDirectory: string, environment: Record<string, string> = {}) {
    this.workingDirectory = workingDirectory;
    this.environment = environment;
  }
  out(text: string): void {
    this.said += text;
    this.#wake();
  }
  err(text: string): void {
    this.complained += text;
    this.#wake();
  }
  ask(question: string): Promise<string | null> {
    this.asked.push(question);
    return Promise.resolve(this.answer);
  }
  columns(): number {
    return 100;
  }
  rows(): number {
    return 40;
  }
  now(): number {
    return Date.now();
  }
  until(words: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ words, resolve });
      this.#wake();
    });
  }
  #wake(): void {
    const all = this.said + this.complained;
    for (const one of this.#waiting) if (all.includes(one.words)) one.resolve();
  }
}

export interface Called {
  readonly terminal: ListeningTerminal;
  readonly code: Promise<number>;
  /** Ctrl-C. */
  interrupt(): void;
}

/** A command of the CLI in this process. */
export function call(terminal: ListeningTerminal, words: readonly string[]): Called {
  const controller = new AbortController();
  const lifetime: Lifetime = { signal: controller.signal, dispose: () => undefined };
  return {
    terminal,
    code: runCli(words, terminal, lifetime),
    interrupt: () => controller.abort(),
  };
}
