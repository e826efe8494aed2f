/** A wait ends once, with the first of its wakers, and leaves nothing behind. */
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { Wait, waitFor, type WakeSource } from './wait-for.ts';

/** Something that wakes, and who is subscribed to it. */
function bell() {
  const hearers = new Set<() => void>();
  let subscriptions = 0;
  const waker: WakeSource = (wake) => {
    subscriptions += 1;
    hearers.add(wake);
    return () => {
      if (!hearers.delete(wake)) throw new Error('taken back twice');
    };
  };
  return {
    waker,
    hearers,
    subscriptions: () => subscriptions,
    ring: () => hearers.forEach((wake) => wake()),
  };
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Whether the promise has resolved by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  void promise.then(() => (over = true));
  await settled();
  return over;
}

it('ends with the wake-up of any waker, and tidies all', async () => {
  for (const which of [0, 1]) {
    const { signal } = new AbortController();
    const bells = [bell(), bell()] as const;
    const wait = waitFor(signal, bells[0].waker, bells[1].waker);
    expect(await isOver(wait)).toBe(false);
    bells[which]?.ring();
    await wait;
    expect(bells.map(({ hearers }) => hearers.size)).toEqual([0, 0]);
    expect(listeners(signal)).toBe(0);
  }
});

it('ends when the signal aborts, and tidies all', async () => {
  const controller = new AbortController();
  const { waker, hearers } = bell();
  const wait = waitFor(controller.signal, waker);
  expect(hearers.size).toBe(1);
  controller.abort();
  await wait;
  expect(hearers.size).toBe(0);
  expect(listeners(controller.signal)).toBe(0);
});

it('subscribes to nothing when the signal has aborted already', async () => {
  const { waker, subscriptions } = bell();
  const signal = AbortSignal.abort();
  await waitFor(signal, waker);
  expect(subscriptions()).toBe(0);
  expect(listeners(signal)).toBe(0);
});

it('needs no signal', async () => {
  const { waker, hearers, ring } = bell();
  const wait = waitFor(undefined, waker);
  ring();
  await wait;
  expect(hearers.size).toBe(0);
});

it('is subscribed before it returns: a wake-up before the await is not missed', async () => {
  const { waker, ring } = bell();
  const wait = new Wait(undefined, waker);
  ring();
  await settled();
  expect(await isOver(wait.over)).toBe(true);
});

it('takes back a waker that wakes while it is being subscribed to, and asks none after it', async () => {
  const hasty = bell();
  const later = bell();
  await waitFor(
    undefined,
    (wake) => {
      const takeBack = hasty.waker(wake);
      wake();
      return takeBack;
    },
    later.waker,
  );
  expect(hasty.hearers.size).toBe(0);
  expect(later.subscriptions()).toBe(0);
});

it('takes the others back when a waker cannot be subscribed to', async () => {
  const { signal } = new AbortController();
  const { waker, hearers } = bell();
  const wait = waitFor(signal, waker, () => {
    throw new Error('closed');
  });
  await expect(wait).rejects.toThrow('closed');
  expect(hearers.size).toBe(0);
  expect(listeners(signal)).toBe(0);
});

it('ends once, however often it is woken', async () => {
  const { signal } = new AbortController();
  const { waker, ring, hearers } = bell();
  const wait = new Wait(signal, waker);
  const wakes = [...hearers];
  ring();
  // A caller that had copied its hearers before it called them.
  wakes.forEach((wake) => wake());
  wait.end();
  await wait.over;
  expect(hearers.size).toBe(0);
});

it('takes one more waker until it is over', async () => {
  const deadline = bell();
  const late = bell();
  const wait = new Wait();
  expect(await isOver(wait.over)).toBe(false);
  wait.also(deadline.waker);
  deadline.ring();
  await wait.over;
  expect(deadline.hearers.size).toBe(0);
  wait.also(late.waker);
  expect(late.subscriptions()).toBe(0);
});

it('is ended by hand, and lets go of everything', async () => {
  const { signal } = new AbortController();
  const { waker, hearers } = bell();
  const wait = new Wait(signal, waker);
  wait.end();
  await wait.over;
  expect(hearers.size).toBe(0);
  expect(listeners(signal)).toBe(0);
});

it('has a signal that aborts with its end, whenever it is asked for', async () => {
  const { waker, ring } = bell();
  const wait = new Wait(undefined, waker);
  const { signal } = wait;
  expect(signal.aborted).toBe(false);
  ring();
  expect(signal.aborted).toBe(true);
  const over = new Wait(AbortSignal.abort());
  expect(over.signal.aborted).toBe(true);
});
