/** Errors of what is read and deployed: workflow files and their versions, inputs, systems, actions. */
import type { CatalogueEntry } from './entry.ts';
import { EXIT } from './exit.ts';

export const DOCUMENTS = {
  'workflow.invalid': {
    title: 'The workflow file has errors',
    next: 'Fix the errors listed, then run `tutti validate` again.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'workflow.unknown': {
    title: 'There is no such workflow',
    next: 'Deploy it with `tutti deploy FILE`, or list workflows with `GET /api/v1/workflows`.',
    retry: false,
    status: 404,
    exit: EXIT.badInput,
  },
  'version.unknown': {
    title: 'There is no such version of the workflow',
    next: 'List its versions with `GET /api/v1/workflows/NAME/versions`.',
    retry: false,
    status: 404,
    exit: EXIT.badInput,
  },
  'inputs.invalid': {
    title: 'The inputs do not fit the workflow',
    next: 'Fix the inputs listed.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'expression.failed': {
    title: 'An expression could not be evaluated',
    next: 'The task fails as rejected. Fix the workflow, deploy it, and restart the run with `tutti restart RUN --version N`.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'systems.invalid': {
    title: 'The systems file has errors',
    next: 'Fix the errors listed.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'system.unknown': {
    title: 'There is no such system',
    next: 'Add it to systems.yaml.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'system.unreachable': {
    title: 'The system cannot be reached',
    next: 'The task stays unknown until the system answers. Tutti submits nothing twice.',
    retry: true,
    status: 503,
    exit: EXIT.failed,
  },
  'action.unknown': {
    title: 'There is no such action',
    next: 'The actions are listed in docs/reference/actions.md and at `GET /api/v1/actions`.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'action.input': {
    title: 'The input does not fit the action',
    next: 'The task fails as rejected. Fix `with`, deploy the workflow, and restart the run.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
} as const satisfies Record<string, CatalogueEntry>;
