/** So much work, never more than `limit` pieces of it at once. */
export async function crowd(limit, count, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
}

/** So many at a time, from 0 on: for those who take work in lots. */
export async function lots(size, count, take) {
  for (let from = 0; from < count; from += size) {
    const length = Math.min(size, count - from);
    await take(Array.from({ length }, (_, index) => from + index));
  }
}

/** What is waited for by name, until it is done. */
export class Awaited {
  #open = new Map();

  /** Resolves when it is done. */
  for(name) {
    return new Promise((resolve) => this.#open.set(name, resolve));
  }

  done(name) {
    const resolve = this.#open.get(name);
    this.#open.delete(name);
    resolve?.();
  }
}
