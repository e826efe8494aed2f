/** What a command names and is not there, as refusals. */
import type { DoorCommand, Refusal, StartRun } from '../../model/run.ts';
import { refusal } from '../../model/refusal.ts';
import type { RunMemory } from '../runs/run-memory.ts';
import type { Versions } from '../runs/versions.ts';

export function unknownRun(run: string): Refusal {
  return refusal('run.unknown', `there is no run ${run}`);
}

/** A start names a version that `versions` does not have: it, or the whole workflow, is unknown. */
export async function unknownVersion(
  { workflow, version }: StartRun,
  versions: Versions,
): Promise<Refusal> {
  if (version !== undefined && (await versions.get(workflow, null)) !== null)
    return refusal('version.unknown', `workflow "${workflow}" has no version ${version}`);
  return refusal('workflow.unknown', `there is no workflow "${workflow}"; deploy it first`);
}

/** A restart may name a version, which the kernel is given as a value: fetches it. */
export async function fetchVersion(
  command: DoorCommand,
  memory: RunMemory,
  versions: Versions,
): Promise<Refusal | undefined> {
  if (command.type !== 'RestartRun' || command.version === undefined) return undefined;
  const workflow = (await memory.read(command.run))?.run.state.workflow;
  if (workflow === undefined) return unknownRun(command.run);
  if ((await versions.get(workflow, command.version)) !== null) return undefined;
  return refusal('version.unknown', `workflow "${workflow}" has no version ${command.version}`);
}
