/** A callback of the pipeline as a promise: resolves when the entry is durable, rejects when it never will be. */
export function whenDurable(start: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
