/** The page of actions, from what the connectors say of themselves. */
import { stringify } from 'yaml';
import { loadConnectors } from '../../connectors/index.ts';
import type { AnyConnector } from '../../connectors/kit/index.ts';
import { SchemaWords, schemaOf } from './schema-table.ts';

type AnyAction = AnyConnector['actions'][number];

export async function actionsPage(): Promise<string[]> {
  const connectors = await loadConnectors();
  return [
    '# Actions',
    '',
    'What a task can do with `action:`; the fields are below `with:`. Any value may be an expression in `${{ }}`. The examples are tasks of a workflow.',
    ...connectors.flatMap(connectorPart),
  ];
}

function connectorPart(connector: AnyConnector): string[] {
  const schema = schemaOf(connector.config);
  const table = new SchemaWords(schema).table(schema);
  return [
    '',
    `## ${connector.title}`,
    '',
    connector.description,
    '',
    `Verified: ${connector.verified}.`,
    ...(table.length === 0
      ? []
      : ['', `A system of \`kind: ${connector.name}\` in systems.yaml:`, '', ...table]),
    ...connector.actions.flatMap((action) => actionPart(connector, action)),
  ];
}

const SYSTEM = {
  required: 'Needs `system:`. ',
  optional: 'May have `system:`. ',
  none: '',
} as const;

function actionPart(connector: AnyConnector, action: AnyAction): string[] {
  const schema = schemaOf(action.input);
  const table = new SchemaWords(schema).table(schema);
  return [
    '',
    `### \`${action.name}\``,
    '',
    `${action.title}. ${action.description} ${SYSTEM[action.system]}${repeats(action)}`,
    ...(table.length === 0 ? [] : ['', ...table]),
    ...outputPart(action),
    ...action.examples.flatMap((example) => [
      '',
      `${example.title}:`,
      '',
      '```yaml fragment',
      ...stringify(taskOf(connector, action, example.with), { lineWidth: 96 })
        .trimEnd()
        .split('\n'),
      '```',
    ]),
  ];
}

/** A whole task, so that it can be copied: the system has the name of its kind. */
function taskOf(connector: AnyConnector, action: AnyAction, input: unknown): object {
  const system = action.system === 'required' ? { system: connector.name } : {};
  return { action: action.name, ...system, with: input };
}

function repeats({ idempotent }: AnyAction): string {
  if (idempotent === true)
    return 'Idempotent: running it twice has the same effect as running it once.';
  if (idempotent === false) return 'It is never run twice for one attempt.';
  return 'Idempotent only if the input says so.';
}

function outputPart(action: AnyAction): string[] {
  const schema = schemaOf(action.output);
  const table = new SchemaWords(schema).table(schema);
  return table.length === 0 ? [] : ['', 'Output:', '', ...table];
}
