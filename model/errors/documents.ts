/** Errors of what is read and deployed: workflow files and their versions, inputs, systems, actions. */
import type { CatalogueEntry } from './entry.ts';
import { EXIT } from './exit.ts';

export const DOCUMENTS = {
  'workflow.invalid': {
    title: 'The workflow file has mistakes',
    next: 'Mend the places named and read it again.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'workflow.unknown': {
    title: 'There is no such workflow',
    next: 'Deploy it, or look at the list of workflows.',
    retry: false,
    status: 404,
    exit: EXIT.badInput,
  },
  'version.unknown': {
    title: 'There is no such version of the workflow',
    next: 'Look at its versions.',
    retry: false,
    status: 404,
    exit: EXIT.badInput,
  },
  'inputs.invalid': {
    title: 'The inputs do not fit the workflow',
    next: 'Mend the inputs named.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'expression.failed': {
    title: 'An expression could not be evaluated',
    next: 'The task fails as rejected; mend the workflow and restart.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'systems.invalid': {
    title: 'The systems file has mistakes',
    next: 'Mend the places named.',
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
    next: 'The task is unknown until the system answers; nothing is submitted twice.',
    retry: true,
    status: 503,
    exit: EXIT.failed,
  },
  'action.unknown': {
    title: 'There is no such action',
    next: 'Look at the list of actions in the reference.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
  'action.input': {
    title: 'The input does not fit the action',
    next: 'The task fails as rejected; mend `with` and restart.',
    retry: false,
    status: 422,
    exit: EXIT.badInput,
  },
} as const satisfies Record<string, CatalogueEntry>;
