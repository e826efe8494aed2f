/** What a node accepts in each phase of its life, and what it says of it. */
import { expect, it } from 'vitest';
import { TuttiError } from '../model/errors.ts';
import { Lifecycle } from './lifecycle.ts';

const stopping = new TuttiError('node.stopping');
const fenced = new TuttiError('node.fenced');

/** Which kinds it accepts now. */
function accepted(lifecycle: Lifecycle): string[] {
  return (['start', 'command'] as const).filter((what) => {
    try {
      lifecycle.accept(what);
      return true;
    } catch {
      return false;
    }
  });
}

it('accepts nothing before it is open', () => {
  const lifecycle = new Lifecycle();
  expect(accepted(lifecycle)).toEqual([]);
  expect(() => lifecycle.accept('start')).toThrow(
    expect.objectContaining({ code: 'node.stopping' }) as Error,
  );
});

it('accepts all while it is open, commands while it drains, and nothing afterwards', () => {
  const lifecycle = new Lifecycle();
  lifecycle.open();
  expect(accepted(lifecycle)).toEqual(['start', 'command']);
  expect(lifecycle.stalls()).toEqual([]);
  lifecycle.drain(stopping);
  expect(accepted(lifecycle)).toEqual(['command']);
  expect(lifecycle.stalls()).toEqual([stopping.message]);
  lifecycle.close(stopping);
  expect(accepted(lifecycle)).toEqual([]);
});

it('says why it is closed: the first reason stays', () => {
  const lifecycle = new Lifecycle();
  lifecycle.open();
  lifecycle.close(fenced);
  lifecycle.drain(stopping);
  lifecycle.close(stopping);
  lifecycle.open();
  expect(() => lifecycle.accept('command')).toThrow(fenced);
  expect(lifecycle.stalls()).toEqual([fenced.message]);
});
