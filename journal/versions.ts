/** Workflows and their versions, which never change. */
import type { Definition } from '../model/definition.ts';
import type { By } from '../model/run.ts';
import type { Page } from './page.ts';

export interface VersionRow {
  readonly workflow: string;
  readonly version: number;
  readonly definition: Definition;
  /** The file as it was written. */
  readonly source: string;
  /** The folder that the file came from; relative paths start there. */
  readonly directory: string;
  readonly deployedAt: number;
  readonly by: By;
}

/** A version in a list: without its contents, which may be large. */
export type VersionEntry = Omit<VersionRow, 'definition' | 'source'>;

export interface WorkflowRow {
  readonly name: string;
  readonly title: string | null;
  readonly owner: string | null;
  readonly version: number;
  readonly deployedAt: number;
}

export interface VersionStore {
  /**
   * Stores the next version, or returns the newest one when nothing changed. Its pools have what it
   * declares. `beside`: the newest versions, 0 for none, of the workflows that it was checked against.
   * Null: one of them has another by now, and nothing was stored.
   */
  deploy(
    version: Omit<VersionRow, 'version'>,
    beside?: ReadonlyMap<string, number>,
  ): Promise<{ version: number; changed: boolean } | null>;
  version(workflow: string, version: number | null): Promise<VersionRow | null>;
}

export interface VersionViews {
  workflows(after: string | null, limit: number): Promise<Page<WorkflowRow>>;
  versions(workflow: string, after: string | null, limit: number): Promise<Page<VersionEntry>>;
}
