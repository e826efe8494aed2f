/**
 * Engines that are wrong in one place: each breaks a law, and the simulator must notice. A mutant
 * is one snippet of one file and what stands there instead; a snippet that is not there any more,
 * or twice, is an error, so no mutant dies unnoticed.
 */
import type { Law } from './laws.ts';

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly snippet: string;
  readonly instead: string;
  /** Those that may notice it first. */
  readonly laws: readonly Law[];
  readonly nodes?: number;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'what may not happen twice leaves without its intent',
    file: 'engine/attempts/attempt-runner.ts',
    snippet: 'return idempotent && recovered === undefined ? depart(running) : intend(running);',
    instead: 'return recovered === undefined ? depart(running) : intend(running);',
    laws: ['journal-first'],
  },
  {
    name: 'an attempt leaves before what let it in is durable',
    file: 'engine/runs/run-gate.ts',
    snippet: 'this.pipeline.add(run, entry);',
    instead:
      'this.pipeline.add(run, entry);\n    if (start === undefined) for (const node of entry.touched) this.#world.reconcile(run, node);',
    laws: ['journal-first', 'slots'],
  },
  {
    name: 'a command is acknowledged before its commit',
    file: 'engine/door/commands.ts',
    snippet: 'await applyDurably(gate, run, command)',
    instead: 'gate.apply(run, command)',
    laws: ['journal-first'],
  },
  {
    name: 'a job is forgotten before its outcome is durable',
    file: 'engine/attempts/job-attempt.ts',
    snippet: 'const durable = await outcome(running, state);',
    instead: 'const durable = true;\n  void outcome(running, state);',
    laws: ['journal-first'],
  },
  {
    name: 'a call is made again after a crash, and nobody looks',
    file: 'engine/attempts/call-attempt.ts',
    snippet: 'await locate(running, lostReply(running));',
    instead: 'await callAttempt({ ...running, recovered: undefined });',
    laws: ['never-twice'],
  },
  {
    name: 'a job is submitted again after a lost reply, and nobody looks',
    file: 'engine/attempts/job-attempt.ts',
    snippet: "answer = found === 'absent' ? await submit(running) : found;",
    instead: 'answer = await submit(running);',
    laws: ['never-twice'],
  },
  {
    name: 'a retry has the key of the attempt before it',
    file: 'kernel/run/nodes.ts',
    snippet: 'node.attempt += 1;',
    instead: 'node.attempt = Math.max(1, node.attempt);',
    laws: ['never-twice'],
  },
  {
    name: 'a late outcome revives a task that has ended',
    file: 'kernel/run/report.ts',
    snippet:
      "if (status.name === 'ended' || status.name === 'waiting' || status.attempt !== command.attempt)",
    instead:
      "if (status.name === 'ended') return true;\n  if (status.name === 'waiting' || status.attempt !== command.attempt)",
    laws: ['terminal', 'never-twice'],
  },
  {
    name: 'a cancellation is confirmed, and nobody has asked the system',
    file: 'engine/attempts/job-attempt.ts',
    snippet: '    await cancelling.ask();\n',
    instead:
      "    await cancelling.ask();\n    if (running.attempt.stop === 'cancel') {\n      await confirm(running);\n      return;\n    }\n",
    // What goes on in the system has given its slots back.
    laws: ['terminal', 'slots'],
  },
  {
    name: 'a slot is never given back',
    file: 'engine/attempts/pools.ts',
    snippet: 'if (held) this.#giving.push(slotKeyOf(attempt));',
    instead: '',
    laws: ['slots', 'events-drive'],
  },
  {
    name: 'a run that is folded again gives back the slots of what goes on',
    file: 'engine/runs/run-memory.ts',
    snippet: 'this.evict(run, true);',
    instead: 'this.evict(run);',
    laws: ['slots'],
  },
  {
    name: 'a slot that is taken is granted again',
    file: 'kernel/slots.ts',
    snippet: '(used.get(pool) ?? 0) + count > capacityOf(pool)',
    instead: 'count > capacityOf(pool)',
    laws: ['slots'],
  },
  {
    name: 'whoever waits for a slot goes',
    file: 'engine/attempts/pools.ts',
    snippet: 'if (granted[index] === true) this.#grant(attempt);',
    instead: 'if (granted[index] !== undefined) this.#grant(attempt);',
    laws: ['slots'],
  },
  {
    name: 'a run is in two appends at a time',
    file: 'engine/runs/pipeline.ts',
    snippet: 'if (run.committing !== null) return;',
    instead: 'if (run.committing !== null) this.#ready.push(run);',
    laws: ['group-commit', 'one-writer', 'slots'],
  },
  {
    name: 'a retry is forgotten at a take-over',
    file: 'engine/attempts/reconciler.ts',
    snippet: 'const nodes = run.state.nodes.map((_, node) => node);',
    instead:
      "const nodes = run.state.nodes.flatMap((each, node) => (each.status.name === 'retrying' ? [] : [node]));",
    laws: ['events-drive'],
  },
  {
    name: 'a queued task gives no reason',
    file: 'kernel/run/gates.ts',
    snippet: 'return holds.length > 0 ? holds : [queued(index, overlay)];',
    instead: 'return holds;',
    laws: ['reason'],
  },
  {
    name: 'the view of a run keeps an old status',
    file: 'engine/runs/run-gate.ts',
    snippet: 'const same = row.status === status && row.wakeAt',
    instead: 'const same = row.wakeAt',
    laws: ['fold'],
  },
  {
    name: 'a run without effect stays in memory',
    file: 'engine/door/commands.ts',
    snippet: 'memory.unloadIfIdle(run);',
    instead: '',
    laws: ['bounded-memory', 'events-drive'],
  },
  {
    name: 'a call that does not come back is waited for',
    file: 'engine/attempts/overdue.ts',
    snippet: 'attempt.giveUpCall();\n      this.#giveUp(attempt);',
    instead: '',
    // One that nobody wants any more keeps nobody waiting: it is in the air for ever. A run that is
    // being cancelled waits for it.
    laws: ['events-drive', 'bounded-memory', 'terminal'],
  },
  {
    name: 'a timer is set once for the whole rest',
    file: 'engine/alarms.ts',
    snippet: 'if (!jumped) return;',
    instead: 'if (this.#set.size >= 0) return;',
    laws: ['on-time'],
  },
  {
    name: 'a timer does not look at the clock that it is for',
    file: 'engine/alarms.ts',
    snippet: 'if (this.#ticker.now() < alarm.time) {',
    instead: 'if (this.#ticker.now() < 0) {',
    laws: ['on-time'],
  },
  {
    name: 'a node that stood still goes on as if nothing had been',
    file: 'engine/attempts/attempt-services.ts',
    snippet: 'return this.#parts.certainty.mayLeave();',
    instead: 'return true;',
    laws: ['never-twice'],
    nodes: 3,
  },
  {
    name: 'a child is begun below a run that is being cancelled',
    file: 'engine/attempts/child-attempt.ts',
    snippet: 'if ((await children.cancelledAbove(attempt)) !== null) {',
    instead: 'if (attempt.run.id === prepared.workflow) {',
    laws: ['family'],
    nodes: 3,
  },
  {
    name: 'a parent does not hear that its child was mended',
    file: 'engine/attempts/child-runs.ts',
    snippet:
      "const answer = await door.submit({ type: 'ReopenTask', run, task, attempt, child: id, by });",
    instead:
      'const answer = (await [door, run, task, attempt, by, { refused: false }].at(-1)) as Accepted;',
    laws: ['family'],
  },
  {
    name: 'what a step has left undecided is decided by nobody',
    file: 'engine/runs/run-gate.ts',
    snippet: 'this.pipeline.add(run, entry);\n    if (!isAtRest(run.state)) this.#settleOn(run);',
    instead: 'this.pipeline.add(run, entry);',
    laws: ['events-drive'],
  },
  {
    name: 'a run of a living node is taken into memory',
    file: 'engine/runs/run-loader.ts',
    snippet: 'if (stored === null || stored.owner === identity.lease.node) return stored;',
    instead: 'if (stored !== null) return { ...stored, owner: identity.lease.node };',
    laws: ['one-writer'],
    nodes: 3,
  },
  {
    name: 'a batch that is refused is not halved: all of its runs are',
    file: 'engine/runs/pipeline.ts',
    snippet: 'const guilty = taken.filter((run) => named?.includes(run.id) ?? taken.length === 1);',
    instead: 'const guilty = taken;',
    // The event that the database refuses is refused with others for ever: its run is set aside.
    laws: ['events-drive', 'one-writer', 'one-door'],
  },
];
