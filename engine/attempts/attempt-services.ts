/**
 * What an attempt needs of the engine around it: where it reports to, its log, its system, and what
 * it may know of its run.
 */
import type { Action, Connector, TraceContext } from '../../connectors/kit/connector.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { AttemptReport } from '../../model/run.ts';
import type { Clock } from '../clock.ts';
import type { Observer } from '../observer.ts';
import { isNodeOver } from '../runs/absence.ts';
import { applyDurably } from '../runs/durable.ts';
import type { Attempt } from '../runs/live-run.ts';
import type { RunGate } from '../runs/run-gate.ts';
import type { SystemDirectory } from '../systems.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LogWriter } from './log-writer.ts';
import type { Reconciler } from './reconciler.ts';

export interface FoundAction {
  readonly action: Action;
  readonly connector: Connector;
}

/** Whether the lease of this node is sure. */
export interface LeaseCertainty {
  /**
   * Whether no other node can have taken this node's runs over. A process that stood still learns of
   * it only by asking, and until then nothing may be sent that must not happen twice.
   */
  mayLeave(): true | Promise<boolean>;
}

interface AttemptServicesParts {
  readonly clock: Clock;
  readonly logs: LogWriter;
  readonly systems: SystemDirectory;
  readonly stateDirectory: string;
  /** Identifies that folder. */
  readonly stateDirectoryId?: string | undefined;
  /** Absent where there is no secret. */
  readonly redactor?: Redactor | undefined;
  readonly actions: ReadonlyMap<string, FoundAction>;
  readonly tokenOf?: ((run: string) => string) | undefined;
  readonly observer?: Observer | undefined;
  readonly gate: Pick<RunGate, 'apply'>;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
  readonly certainty: LeaseCertainty;
}

export class AttemptServices {
  readonly clock: Clock;
  readonly logs: LogWriter;
  readonly systems: SystemDirectory;
  readonly stateDirectory: string;
  readonly stateDirectoryId: string | undefined;
  readonly redactor: Redactor | undefined;
  readonly #parts: AttemptServicesParts;

  constructor(parts: AttemptServicesParts) {
    this.clock = parts.clock;
    this.logs = parts.logs;
    this.systems = parts.systems;
    this.stateDirectory = parts.stateDirectory;
    this.stateDirectoryId = parts.stateDirectoryId;
    this.redactor = parts.redactor;
    this.#parts = parts;
  }

  action(name: string): FoundAction | undefined {
    return this.#parts.actions.get(name);
  }

  /** Of the run of the attempt, for the API. */
  token({ run }: Attempt): string | undefined {
    return this.#parts.tokenOf?.(run.id);
  }

  trace({ run, task, number }: Attempt): TraceContext | undefined {
    return this.#parts.observer?.contextOf?.(run.state, task, number);
  }

  mayLeave(): true | Promise<boolean> {
    return this.#parts.certainty.mayLeave();
  }

  /** Something about the attempt failed, and it continues. */
  troubled(what: string, error: unknown, { run, task, number }: Attempt): void {
    this.#parts.observer?.troubled(what, error, { run: run.id, task, attempt: number });
  }

  /** The connector's work is over. */
  finish(attempt: Attempt): void {
    this.#parts.dispatcher.finish(attempt);
  }

  /** The start of the attempt was refused: nothing has been sent. */
  abandon(attempt: Attempt): void {
    this.#parts.reconciler.abandon(attempt);
  }

  /** A report whose durability nothing waits for; most outcomes are reported so. */
  tell(attempt: Attempt, command: AttemptReport): void {
    if (!attempt.run.resident) return;
    if (isOutcome(command)) attempt.report();
    this.#parts.gate.apply(attempt.run, command);
  }

  /**
   * Brings a report to the run. Resolves true when it is durable, false when it was refused as stale
   * or the node cannot write any more: then the attempt is over for this node.
   */
  async report(attempt: Attempt, command: AttemptReport): Promise<boolean> {
    if (!attempt.run.resident) return false;
    try {
      if (isOutcome(command)) attempt.report();
      return (await applyDurably(this.#parts.gate, attempt.run, command)) === undefined;
    } catch (error) {
      // Refused by the journal: the run is folded again, and the attempt is found by what is written.
      if (!attempt.run.resident) return false;
      if (isNodeOver(error)) return false;
      throw error;
    }
  }
}

/** Reports that end the attempt; the others say how far it is. */
export function isOutcome(command: AttemptReport): boolean {
  return (
    command.type === 'CompleteTask' ||
    command.type === 'FailTask' ||
    command.type === 'ConfirmCancel'
  );
}
