/** The options of a node, and what the rest of the program holds of it while it runs. */
import type { FastifyBaseLogger } from 'fastify';
import type { AnyConnector } from '../connectors/kit/index.ts';
import type { OpenJournal } from '../journal/open.ts';
import type { Redactor } from '../model/redactor.ts';
import type { DataFolder } from './data-folder.ts';
import type { EarlyLog } from './early-log.ts';
import type { Environment, Systems } from './systems.ts';

export interface NodeOptions {
  readonly folder: DataFolder;
  readonly databaseUrl: string | undefined;
  readonly systemsFile: string | undefined;
  /** The folder of secrets; else `secrets` in the data folder. */
  readonly secretsFolder?: string | undefined;
  /** How much of an attempt's log is kept. */
  readonly logLimitBytes?: number | undefined;
  readonly port: number;
  /** Asks no caller who they are. */
  readonly open?: boolean;
  /**
   * Answers questions only: the engine does not start, no run is touched, and the folder is
   * neither locked nor announced.
   */
  readonly reading: boolean;
  readonly member?: MemberOptions;
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Its lines pass through the redactor before they are written. */
  readonly logTo: (redactor: Redactor | undefined) => FastifyBaseLogger;
}

/** What makes it one node among several on a database. */
interface MemberOptions {
  /** Else the one that the data folder keeps. */
  readonly name?: string | undefined;
  readonly leaseMs?: number | undefined;
  /** Where the other nodes reach this one; else the address that it listens on. */
  readonly advertise?: string | undefined;
  /** What connectors keep of attempts; else in the data folder. */
  readonly stateDirectory?: string | undefined;
}

export interface RunningNode {
  readonly url: string;
  /** What opens it. */
  readonly token: string;
  readonly name: string;
  readonly embedded: boolean;
  /** Resolves when the node may not write any more, with the sentence that says so. */
  readonly fenced: Promise<string>;
  /** Lets the work that is under way come to a safe place; what is open continues at the next start. */
  stop(): Promise<void>;
}

/** What the rest is put together from. */
export interface OpenedParts {
  readonly connectors: readonly AnyConnector[];
  readonly database: OpenJournal;
  readonly systems: Systems;
  /** Where the database tells what it does: to be handed the log as soon as there is one. */
  readonly log: EarlyLog;
}
