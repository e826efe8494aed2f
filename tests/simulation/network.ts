/**
 * The network between the nodes: a command that is passed on reaches the other node, or does not;
 * its answer comes back, or is lost. A node that is gone refuses the connection; one that hangs
 * takes the command and answers when it goes on.
 */
import type { TaskRange } from '../../model/task-range.ts';
import type { Accepted, Door } from '../../engine/door.ts';
import { type ErrorCode, TuttiError } from '../../model/errors.ts';
import type { OperatorCommand, Refusal, RunView } from '../../model/run.ts';
import type { Chance } from '../chaos/chance.ts';
import type { Faults } from './faults.ts';
import type { Life, Machine } from './machine.ts';
import { type Schedule, whenDone } from './schedule.ts';

export interface NetworkParts {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly faults: Faults;
  readonly machines: () => readonly Machine[];
  /** A command that was passed on has been carried out, in this step. */
  readonly done: (command: OperatorCommand) => void;
}

/** How long a node waits for the answer of another. */
const PATIENCE_MS = 5_000;

export class Network {
  readonly #parts: NetworkParts;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** What a node sees of the node with this address. */
  peerOf(from: Life, url: string) {
    return {
      submit: (command: OperatorCommand): Promise<Accepted | Refusal> =>
        this.#ask(from, url, command.type, async (door) => {
          const answer = await door.commands.submit(command, from.name);
          if (!answer.refused) this.#parts.done(command);
          return answer;
        }),
      inspect: (run: string, range: TaskRange): Promise<RunView | null> =>
        this.#ask(from, url, 'a look', (door) => door.runs.inspect(run, range, from.name)),
    };
  }

  #ask<T>(from: Life, url: string, what: string, work: (door: Door) => Promise<T>): Promise<T> {
    const { schedule, faults } = this.#parts;
    return new Promise((resolve, reject) => {
      const back = (ms: number, words: string, then: () => void) =>
        schedule.after(ms, from, `${from.name}: ${words} ${what}`, then);
      const fail = (ms: number, code: ErrorCode) =>
        back(ms, `no answer to`, () => reject(new TuttiError(code)));
      schedule.after(this.#way(), null, `${from.name} brings ${what} to ${url}`, () => {
        const to = this.#parts.machines().find((machine) => machine.url === url)?.life;
        const door = to?.engine?.door;
        if (
          to?.alive !== true ||
          !to.open ||
          door === undefined ||
          faults.strikes('lost forward')
        ) {
          fail(this.#way(), 'node.unreachable');
          return;
        }
        fail(PATIENCE_MS, 'command.unanswered');
        schedule.after(this.#way(), to, `${to.name} is brought ${what} by ${from.name}`, () => {
          const lost = faults.strikes('lost forward');
          void whenDone(
            work(door),
            (value) => !lost && back(this.#way(), 'the answer to', () => resolve(value)),
            (error) => !lost && back(this.#way(), 'the answer to', () => reject(error)),
          );
        });
      });
    });
  }

  #way(): number {
    return 0.2 + this.#parts.chance.next();
  }
}
