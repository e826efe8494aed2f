/** Long work as a generator that yields where others may have their turn: done in one go, or in turns. */

export type Portions<T> = Generator<void, T, void>;

export function inOneGo<T>(portions: Portions<T>): T {
  for (;;) {
    const { done, value } = portions.next();
    if (done === true) return value;
  }
}

/** `turn` resolves when others have had theirs. */
export async function inTurns<T>(portions: Portions<T>, turn: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = portions.next();
    if (done === true) return value;
    await turn();
  }
}
