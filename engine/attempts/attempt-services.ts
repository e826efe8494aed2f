/** What an attempt needs of the engine around it. */
import type { Action, Connector, TraceContext } from '../../connectors/kit/connector.ts';
import type { AttemptReport } from '../../model/run.ts';
import type { Redactor } from '../../model/redactor.ts';
import type { Clock } from '../clock.ts';
import type { Attempt } from '../runs/attempt.ts';
import type { LogWriter } from './log-writer.ts';
import type { SystemDirectory } from '../systems.ts';

export interface AttemptServices {
  readonly clock: Clock;
  readonly logs: LogWriter;
  readonly systems: SystemDirectory;
  readonly stateDirectory: string;
  /** Identifies that folder. */
  readonly stateDirectoryId: string | undefined;
  /** Absent where there is no secret. */
  readonly redactor: Redactor | undefined;
  action(name: string): { readonly action: Action; readonly connector: Connector } | undefined;
  /**
   * Brings a report through the door. Resolves true when it is durable, false when it was refused
   * as stale or the node cannot write any more: then the attempt is over for this node.
   */
  report(attempt: Attempt, command: AttemptReport): Promise<boolean>;
  /** A report whose durability nobody waits for; most outcomes are told so. */
  tell(attempt: Attempt, command: AttemptReport): void;
  /** Of the run of the attempt, for the API. */
  token(attempt: Attempt): string | undefined;
  trace(attempt: Attempt): TraceContext | undefined;
  /** The start of the attempt was refused: nothing has left the house. */
  abandon(attempt: Attempt): void;
  /**
   * Whether nobody else can have taken this node's runs over. A process that stood still learns of
   * it only by asking, and until then nothing may leave the house that must not happen twice.
   */
  mayLeave(): true | Promise<boolean>;
  /** The connector's work is over. */
  finish(attempt: Attempt): void;
}
