/** What every journal promises of requests. */
import { expect, it } from 'vitest';
import { runId } from './rows.fixture.ts';
import { alone, suite } from './subject.fixture.ts';

const ANSWER = { status: 201, type: 'application/json', location: '/runs/1', body: '{"id":1}' };

export const requestsSuite = suite('requests', (open) => {
  it('are carried out once, and answered the same again', async () => {
    const { requests } = (await alone(open)).journal;
    const [mine, theirs] = [runId(1), runId(2)];
    expect(await requests.begin('k', 'print', mine)).toEqual({ state: 'fresh', id: mine });
    // The same call, whose answer was lost; then another request, and one that means another thing.
    expect(await requests.begin('k', 'print', mine)).toEqual({ state: 'fresh', id: mine });
    expect(await requests.begin('k', 'print', theirs)).toEqual({ state: 'under-way' });
    expect(await requests.begin('k', 'other', theirs)).toEqual({ state: 'other' });
    await requests.finish('k', ANSWER);
    const answered = { state: 'answered', answer: ANSWER };
    expect(await requests.begin('k', 'print', theirs)).toEqual(answered);
    await requests.interrupt('k');
    expect(await requests.begin('k', 'print', theirs)).toEqual(answered);
    expect(await requests.begin('k', 'other', theirs)).toEqual({ state: 'other' });
  });

  it('that were interrupted are looked at by the next one like them, under the first id', async () => {
    const { requests } = (await alone(open)).journal;
    const [first, second, third] = [runId(1), runId(2), runId(3)];
    await requests.begin('k', 'print', first);
    await requests.interrupt('k');
    expect(await requests.begin('k', 'other', second)).toEqual({ state: 'other' });
    const interrupted = { state: 'interrupted', id: first };
    expect(await requests.begin('k', 'print', second)).toEqual(interrupted);
    expect(await requests.begin('k', 'print', third)).toEqual({ state: 'under-way' });
    expect(await requests.begin('l', 'print', third)).toEqual({ state: 'fresh', id: third });
  });
});
