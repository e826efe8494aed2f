/**
 * The context for questions about work that was sent to its system: where it is, how far it is, what
 * it wrote. Its signal is not that of the work: a cancelled attempt has to be asked about until
 * the system says how it ended.
 */
import type { ActionContext } from '../../connectors/kit/connector.ts';
import type { Attempt } from '../runs/live-run.ts';

export function inquiryOf(attempt: Attempt, context: ActionContext): ActionContext {
  return {
    key: context.key,
    operation: context.operation ?? context.key,
    run: context.run,
    task: context.task,
    attempt: context.attempt,
    config: context.config,
    directory: context.directory,
    stateDirectory: context.stateDirectory,
    get elsewhere() {
      return context.elsewhere === true;
    },
    get signal() {
      return attempt.interest;
    },
    get trace() {
      return context.trace;
    },
    get token() {
      return context.token;
    },
    log: (stream, text) => context.log(stream, text),
  };
}
