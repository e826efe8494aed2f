/**
 * What the journal could never store is refused at the door: it must not get into a batch with
 * what others wrote. Commands come here from the API, from other nodes, and from parents, whose
 * expressions may give anything: all are asked the same.
 */
import {
  INPUTS_MAX_BYTES,
  isDate,
  KEY_MAX,
  lineMistake,
  NAME_MAX,
  OUTPUT_MAX_BYTES,
  proseMistake,
  REASON_MAX,
  valueMistake,
} from '../../model/bounds.ts';
import type { By, DoorCommand, StartRun } from '../../model/run.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SHOWN = 60;

/** What is wrong with the form of a start, in a sentence; undefined when nothing is. */
export function malformation(command: StartRun): string | undefined {
  const { run, workflow, key, businessDate, inputs, by } = command;
  if (!UUID.test(run)) return `run: "${run.slice(0, SHOWN)}" is not a UUID in lower case`;
  if (businessDate !== undefined && !isDate(businessDate))
    return `businessDate: "${businessDate.slice(0, 20)}" is not a date like 2026-01-31`;
  return (
    said('workflow', lineMistake(workflow, NAME_MAX)) ??
    (key === undefined ? undefined : said('key', lineMistake(key, KEY_MAX))) ??
    said('inputs', valueMistake(inputs, INPUTS_MAX_BYTES)) ??
    anonymity(by)
  );
}

/** The same for a command on a run that is there. What it names is looked up, and then found or not. */
export function deformity(command: DoorCommand): string | undefined {
  if (command.type === 'ForceTask' && command.output !== undefined) {
    const wrong = valueMistake(command.output, OUTPUT_MAX_BYTES);
    if (wrong !== undefined) return `output: ${wrong}`;
  }
  return anonymity(command.by);
}

function anonymity({ actor, reason }: By): string | undefined {
  return (
    said('actor', lineMistake(actor, NAME_MAX)) ??
    (reason === undefined ? undefined : said('reason', proseMistake(reason, REASON_MAX)))
  );
}

function said(field: string, mistake: string | undefined): string | undefined {
  return mistake === undefined ? undefined : `${field}: it ${mistake}`;
}
