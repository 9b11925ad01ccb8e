/** Lets few things be done at a time. What waits for its turn holds next to no memory; what was begun, and waits for others, holds all of it. */
export interface Turns {
  /** Waits for a turn, first come, first served. @returns what ends it. */
  take(): Promise<Disposable>;
}

/** Makes turns of which `most` are had at a time. */
export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let had = 0;
  const end = () => {
    const next = waiting.shift();
    if (next === undefined) had--;
    else next();
  };
  return {
    async take() {
      if (had < most) had++;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let ended = false;
      return {
        [Symbol.dispose]() {
          if (!ended) end();
          ended = true;
        },
      };
    },
  };
}
