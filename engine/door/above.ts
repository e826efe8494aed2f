/**
 * What a restart of a child run does to the runs above it: whose task waits for it again, what runs
 * again there, and where it ends. Asked of the kernel, run by run, before anything is done.
 */
import { type Context, decide, type RunState } from '../../kernel/run/machine.ts';
import { isRefusal } from '../../model/refusal.ts';
import { type By } from '../../model/run.ts';
import { type AbovePreview, CHILD_DEPTH } from '../../model/family.ts';

export async function previewAbove(
  child: RunState,
  by: By,
  context: Context,
  read: (run: string) => Promise<RunState | undefined>,
): Promise<readonly AbovePreview[]> {
  const above: AbovePreview[] = [];
  let state = child;
  // Only what had ended continues by this; a parent of an open run waits for it already.
  while (state.end !== undefined && state.parent !== undefined && above.length <= CHILD_DEPTH) {
    const { run, task, attempt } = state.parent;
    const parent = await read(run);
    if (parent === undefined) break;
    const command = { type: 'ReopenTask', run, task, attempt, child: state.id, by } as const;
    const decision = decide(parent, command, context);
    if (isRefusal(decision)) {
      const because = decision.message;
      return [...above, { run, task, takesOver: false, because, runsAgain: [] }];
    }
    const runsAgain = decision.flatMap((event) =>
      event.type === 'RunRestarted' ? event.reset : [],
    );
    above.push({ run, task, takesOver: true, runsAgain });
    state = parent;
  }
  return above;
}
