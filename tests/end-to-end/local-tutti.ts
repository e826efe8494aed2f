/** A whole Tutti in this process, for tests and for measuring: embedded PostgreSQL, the real clock, default settings. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineChance, machineClock, machineIds } from '../../cli/machine.ts';
import { loadConnectors } from '../../connectors/index.ts';
import type { AnyConnector } from '../../connectors/kit/index.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import { eventOf } from '../../engine/runs/rows.ts';
import type { Journal } from '../../journal/journal.ts';
import { openJournal } from '../../journal/open.ts';
import type { JsonObject } from '../../model/json.ts';
import type { RunEvent } from '../../model/run.ts';

export const by = { actor: 'test' };

export interface LocalTutti {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly data: string;
  deploy(source: string): Promise<string>;
  /** Starts a run and resolves with its events when it has ended. */
  run(
    workflow: string,
    inputs?: JsonObject,
  ): Promise<{ readonly id: string; readonly events: readonly RunEvent[] }>;
  close(): Promise<void>;
}

export async function openTutti(
  given?: readonly AnyConnector[],
  databaseUrl?: string,
  nodeName = 'test',
): Promise<LocalTutti> {
  const connectors = given ?? (await loadConnectors());
  const data = mkdtempSync(join(tmpdir(), 'tutti-local-'));
  const opened = await openJournal({
    dataDirectory: data,
    ...(databaseUrl !== undefined && { databaseUrl }),
  });
  const { journal } = opened;
  const engine = createEngine({
    journal,
    connectors,
    systems: { get: () => undefined, names: () => [] },
    nodeName,
    clock: machineClock,
    chance: machineChance,
    ids: machineIds,
    stateDirectory: data,
    log: { warn: (fields, message) => console.error(message, fields), info: () => {} },
  });
  await engine.start(null);
  return {
    engine,
    journal,
    data,
    deploy: async (source) => {
      const result = await engine.door.deployments.deploy({ source, directory: data, by });
      if (result.refused) throw new Error(JSON.stringify(result.problems));
      return 'workflow' in result ? result.workflow : result.pool;
    },
    run: async (workflow, inputs = {}) => {
      const answer = await engine.door.commands.start({ workflow, inputs, by });
      if (answer.refused) throw new Error(answer.message);
      return { id: answer.run, events: await eventsToEnd(engine, journal, answer.run) };
    },
    close: async () => {
      await engine.stop();
      await opened.close();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function eventsToEnd(engine: Engine, journal: Journal, run: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  const never = new AbortController().signal;
  while (events.at(-1)?.type !== 'RunEnded') {
    await engine.door.runs.changed(run, events.length - 1, never);
    const rows = await journal.views.events(run, events.length - 1, 10_000);
    for (const row of rows) events.push(eventOf(row));
  }
  return events;
}
