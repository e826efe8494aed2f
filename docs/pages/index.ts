/** The pages of the reference, by file name: what `generate.ts` writes and a test compares. */
import { cliReference } from '../../cli/reference.ts';
import { workflowJsonSchema } from '../../language/workflow.ts';
import { actionsPage } from './actions.ts';
import { apiPage } from './api.ts';
import { errorsPage } from './errors.ts';
import { metricsPage } from './metrics.ts';
import { verbsPage } from './verbs.ts';
import { workflowPage } from './workflow.ts';

const NOTE = '<!-- Printed from the schemas by `npm run docs`; do not edit. -->';

export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const pages = {
    'actions.md': await actionsPage(),
    'api.md': apiPage(),
    'cli.md': cliReference().split('\n'),
    'errors.md': errorsPage(),
    'metrics.md': metricsPage(),
    'verbs.md': verbsPage(),
    'workflow.md': workflowPage(workflowJsonSchema()),
  };
  return new Map(
    Object.entries(pages).map(([name, lines]) => [name, `${[NOTE, '', ...lines].join('\n')}\n`]),
  );
}
