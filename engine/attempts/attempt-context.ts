/** The context that a connector is given: its attempt's identity, signal and log. */
import type { ActionContext, LogStream, TraceContext } from '../../connectors/kit/connector.ts';
import type { Attempt } from '../runs/live-run.ts';
import type { AttemptServices } from './attempt-services.ts';

/** A class, so that an attempt costs one small object; most actions never look at most of it. */
export class AttemptContext implements ActionContext {
  readonly config: unknown;
  private readonly about: Attempt;
  private readonly services: AttemptServices;

  constructor(attempt: Attempt, services: AttemptServices, config: unknown) {
    this.about = attempt;
    this.services = services;
    this.config = config;
  }

  get key(): string {
    return this.about.key;
  }
  get operation(): string {
    const { run, node, task, number } = this.about;
    // Attempts are counted on and on, failures from the last round or rerun.
    return `${run.id}:${task}:${number - (run.state.nodes[node]?.failures ?? 0)}`;
  }
  get run(): string {
    return this.about.run.id;
  }
  get task(): string {
    return this.about.task;
  }
  get attempt(): number {
    return this.about.number;
  }
  get directory(): string {
    return this.about.run.directory;
  }
  get stateDirectory(): string {
    return this.services.stateDirectory;
  }
  get elsewhere(): boolean {
    const began = this.about.recovered?.place;
    return began !== undefined && began !== this.services.stateDirectoryId;
  }
  get signal(): AbortSignal {
    return this.about.signal;
  }
  mayLeave(): true | Promise<boolean> {
    return this.services.mayLeave();
  }
  redact(text: string): string {
    return this.services.redactor?.text(text) ?? text;
  }
  get trace(): TraceContext | undefined {
    return this.services.trace(this.about);
  }
  get token(): string | undefined {
    return this.services.token(this.about);
  }
  log(stream: LogStream, text: string): void {
    this.services.logs.write(this.about, { stream, text });
  }
}
