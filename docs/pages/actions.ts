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
    'What a task can do with `action:`; the fields stand below `with:`. Any value may be an expression in `${{ }}`.',
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
    ...connector.actions.flatMap(actionPart),
  ];
}

const SYSTEM = {
  required: 'Needs `system:`. ',
  optional: 'May have `system:`. ',
  none: '',
} as const;

function actionPart(action: AnyAction): string[] {
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
      '```yaml',
      ...stringify({ action: action.name, with: example.with }, { lineWidth: 96 })
        .trimEnd()
        .split('\n'),
      '```',
    ]),
  ];
}

function repeats({ idempotent }: AnyAction): string {
  if (idempotent === true) return 'Running it twice does no harm.';
  if (idempotent === false) return 'It is never run twice for one attempt.';
  return 'Whether running it twice does harm depends on the input.';
}

function outputPart(action: AnyAction): string[] {
  const schema = schemaOf(action.output);
  const table = new SchemaWords(schema).table(schema);
  return table.length === 0 ? [] : ['', 'Output:', '', ...table];
}
