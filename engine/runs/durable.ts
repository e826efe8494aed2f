/** Callbacks of the pipeline as promises. */
import type { AttemptReport, DoorCommand, Refusal } from '../../model/run.ts';
import type { LiveRun, OnDurable } from './live-run.ts';
import type { RunGate } from './run-gate.ts';

/** Resolves when the entry is durable, rejects when it never will be. */
export function whenDurable(start: (onDurable: OnDurable) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** Passes a command through the gate: why it is refused, or undefined when what it decided is durable. */
export async function applyDurably(
  gate: Pick<RunGate, 'apply'>,
  run: LiveRun,
  command: DoorCommand | AttemptReport,
): Promise<Refusal | undefined> {
  let refused: Refusal | undefined;
  await whenDurable((onDurable) => {
    refused = gate.apply(run, command, onDurable);
    if (refused !== undefined) onDurable();
  });
  return refused;
}
