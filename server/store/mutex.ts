/** Runs work one after another, in the order of the calls. */
export type Mutex = <T>(work: () => Promise<T>) => Promise<T>;

/** A mutex that nobody holds. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}
