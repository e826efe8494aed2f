/** Errands are worked off once at a time each, side by side, and leave nothing behind when the node stops. */
import { expect, it } from 'vitest';
import { quiet, SimulatedClock } from '../../tests/simulation/clock.ts';
import { Errands } from './errands.ts';

function subject() {
  const clock = new SimulatedClock(0);
  const errands = new Errands(clock);
  const begun: string[] = [];
  const failures: unknown[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const begin = (id: string) =>
    errands.begin(
      id,
      () => {
        begun.push(id);
        return new Promise<void>((resolve, reject) => {
          ends.set(id, (error) => (error === undefined ? resolve() : reject(error)));
        });
      },
      (error) => void failures.push(error),
    );
  return {
    clock,
    errands,
    begun,
    failures,
    begin,
    end: (id: string, error?: Error) => ends.get(id)?.(error),
  };
}

it('works each off once at a time, and others beside it', async () => {
  const { begun, begin, end } = subject();
  begin('one');
  begin('one');
  begin('two');
  expect(begun).toEqual(['one', 'two']);
  end('one');
  await quiet();
  begin('one');
  expect(begun).toEqual(['one', 'two', 'one']);
});

it('tells what fails, also before its first wait, and begins it again when it is asked to', async () => {
  const { errands, begun, failures, begin, end } = subject();
  const error = new Error('the disk is full');
  begin('one');
  end('one', error);
  await quiet();
  expect(failures).toEqual([error]);
  begin('one');
  expect(begun).toEqual(['one', 'one']);
  const thrown = new Error('at once');
  errands.begin(
    'two',
    () => {
      throw thrown;
    },
    (each) => void failures.push(each),
  );
  await quiet();
  expect(failures).toEqual([error, thrown]);
});

it('begins nothing when it has stopped, ends its pauses, and is silent about what ends by that', async () => {
  const { clock, errands, begun, failures, begin, end } = subject();
  begin('one');
  let paused = true;
  void errands.pause(60_000).then(() => (paused = false));
  errands.stop();
  expect(errands.isStopped).toBe(true);
  await quiet();
  expect(paused).toBe(false);
  expect(clock.waiting).toBe(0);
  end('one', new Error('the node stops'));
  begin('two');
  await quiet();
  expect(begun).toEqual(['one']);
  expect(failures).toEqual([]);
});

it('pauses for as long as it is told', async () => {
  const { clock, errands } = subject();
  let paused = true;
  void errands.pause(500).then(() => (paused = false));
  await clock.advance(499);
  expect(paused).toBe(true);
  await clock.advance(1);
  expect(paused).toBe(false);
});
