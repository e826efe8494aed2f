/** From the draft of a task to its definition: body, edges and modifiers. */
import type { Body, Edge, TaskDefinition } from '../../model/definition.ts';
import { OPENING } from '../expression/template.ts';
import { INSTANT_FORM, readInstant } from '../../model/instant.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { RECURSION_HINT } from '../calls.ts';
import { durationMs } from '../workflow.ts';
import { checkAction } from './actions.ts';
import type { Draft } from './draft.ts';
import { lowerNeeds } from './links.ts';
import { lowerModifiers } from './modifiers.ts';
import { lowerSwitch } from './switch.ts';
import type { Refer, Workshop } from './workshop.ts';

/** Without a body where the file does not say what the task does; it has mistakes then. */
export type TaskInWork = Omit<TaskDefinition, 'body'> & { readonly body: Body | undefined };

interface LoweredTask {
  readonly task: TaskInWork;
  readonly edges: readonly Edge[];
  /** Tasks that its expressions refer to and that it has no edge from. */
  readonly references: ReadonlySet<string>;
}

export function lowerTask(draft: Draft, workshop: Workshop): LoweredTask {
  const { name, fields } = draft;
  const { edges, sources } = lowerNeeds(draft, workshop);
  const references = new Set<string>();
  const refer = (tasks: readonly string[]) => {
    for (const task of tasks) if (!sources.has(task)) references.add(task);
  };
  const { body, branches } = lowerBody(draft, workshop, refer);
  const task: TaskInWork = {
    name,
    ...(fields.title !== undefined && { title: fields.title }),
    body,
    join: fields.join ?? 'all',
    ...lowerModifiers(draft, workshop, refer),
  };
  return { task, edges: branches.length === 0 ? edges : [...edges, ...branches], references };
}

interface LoweredBody {
  readonly body: Body | undefined;
  readonly branches: readonly Edge[];
}

const alone = (body: Body | undefined): LoweredBody => ({ body, branches: [] });

function lowerBody(draft: Draft, workshop: Workshop, refer: Refer): LoweredBody {
  switch (draft.kind) {
    case 'action':
      return alone(lowerAction(draft, workshop, refer));
    case 'workflow':
      return alone(lowerChild(draft, workshop, refer));
    case 'switch':
      return lowerSwitch(draft, workshop, refer);
    case 'wait':
      return alone(lowerWait(draft, workshop, refer));
    case 'approve':
      return alone(lowerApprove(draft, workshop, refer));
    case undefined:
      return alone(undefined);
  }
}

function lowerAction(draft: Draft, workshop: Workshop, refer: Refer): Body | undefined {
  const { fields, name, path } = draft;
  const { action, system } = fields;
  if (action === undefined) return undefined;
  const input = fields.with ?? {};
  if (workshop.actions !== undefined) {
    const use = { action, system, with: input, path, hasWith: fields.with !== undefined };
    checkAction(use, workshop.actions, workshop.report);
  }
  const place = { attempt: true, item: fields.each !== undefined };
  refer(workshop.expressions.template(input, { path: [...path, 'with'], place, task: name }));
  // The file holds JSON only.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    kind: 'action',
    action,
    ...(system !== undefined && { system }),
    with: input as JsonObject,
  };
}

function lowerChild(
  { fields, name, path }: Draft,
  workshop: Workshop,
  refer: Refer,
): Body | undefined {
  const { workflow, inputs = {}, each } = fields;
  const { expressions, report } = workshop;
  if (workflow === undefined) return undefined;
  if (workflow === workshop.workflow) {
    const message = `the workflow calls itself without end: ${workflow} → ${workflow}`;
    const hint = RECURSION_HINT;
    report({ code: 'workflow.recursive', message, path: [...path, 'workflow'], hint });
  }
  const place = { attempt: true, item: each !== undefined };
  refer(expressions.template(inputs, { path: [...path, 'inputs'], place, task: name }));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { kind: 'workflow', workflow, inputs: inputs as { [key: string]: Json } };
}

function lowerWait(
  { fields, name, path }: Draft,
  workshop: Workshop,
  refer: Refer,
): Body | undefined {
  const { wait } = fields;
  const { report, expressions } = workshop;
  if (wait === undefined) return undefined;
  const at = [...path, 'wait'];
  if (typeof wait === 'string') return { kind: 'wait', forMs: durationMs(wait) };
  const { for: duration, until } = wait;
  if (until === undefined && duration !== undefined) {
    return { kind: 'wait', forMs: durationMs(duration) };
  }
  if (until === undefined || duration !== undefined) {
    const message = 'a wait has either "for" or "until"';
    if (until === undefined) report({ code: 'field.missing', message, path: at, at: 'key' });
    else report({ code: 'field.value', message, path: [...at, 'until'], at: 'key' });
    return undefined;
  }
  if (until.includes(OPENING)) {
    refer(expressions.template(until, { path: [...at, 'until'], place: {}, task: name }));
  } else if (readInstant(until) === undefined) {
    const message = `expected a time with its zone, found ${JSON.stringify(until)}`;
    report({ code: 'field.value', message, path: [...at, 'until'], hint: INSTANT_FORM });
  }
  return { kind: 'wait', until };
}

function lowerApprove(
  draft: Draft,
  { expressions, report }: Workshop,
  refer: Refer,
): Body | undefined {
  const { name, path, fields } = draft;
  const { approve } = fields;
  if (approve === undefined) return undefined;
  const { by, title, expires, 'on-expiry': onExpiry } = approve;
  const at = [...path, 'approve'];
  if (onExpiry !== undefined && expires === undefined) {
    const message = '"on-expiry" has no meaning without "expires"';
    report({ code: 'field.misplaced', message, path: [...at, 'on-expiry'], at: 'key' });
  }
  const expiresMs = expires === undefined ? undefined : durationMs(expires);
  if (expiresMs === 0) {
    const message = 'an approval must stand longer than 0';
    report({ code: 'field.value', message, path: [...at, 'expires'] });
  }
  if (title !== undefined) {
    refer(expressions.template(title, { path: [...at, 'title'], place: {}, task: name }));
  }
  return {
    kind: 'approve',
    by: typeof by === 'string' ? [by] : by,
    title: title ?? fields.title ?? name,
    ...(expiresMs !== undefined && { expiresMs }),
    onExpiry: onExpiry ?? 'reject',
  };
}
