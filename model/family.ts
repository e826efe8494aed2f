/**
 * The words of a family of runs: what a child knows of its parent, how deep a family may be, and
 * what the two say to each other.
 */

export interface ParentTask {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  /** The run at the top, where that is not the parent itself: all below it are one trace. */
  readonly root?: string;
  /** With `root`: how many runs stand above the child. */
  readonly depth?: number;
}

/** So many runs may stand above a child: a workflow that calls itself comes to an end. */
export const CHILD_DEPTH = 50;

export function depthOf(parent: ParentTask | undefined): number {
  if (parent === undefined) return 0;
  return parent.depth ?? (parent.root === undefined ? 1 : 2);
}

/** The parent has heard that the run continues, and takes its end over or not. */
export interface TellParent {
  readonly type: 'TellParent';
  readonly run: string;
  readonly takesOver: boolean;
  /** Why it does not. */
  readonly because?: string;
}

/** A child run that continues after its end has told its parent; before that it does not end again. */
export interface ParentTold {
  readonly type: 'ParentTold';
  readonly at: number;
  readonly takesOver: boolean;
  readonly because?: string;
}

/** What the parent of a child run that is to be restarted does. */
export interface AbovePreview {
  readonly run: string;
  readonly task: string;
  /** Its task waits for the child again. */
  readonly takesOver: boolean;
  readonly because?: string;
  readonly runsAgain: readonly string[];
}
