/** Something rung from one place and waited for in another; a ring that nobody waits for is kept, several are one. */
export interface Bell {
  /** Rings. */
  ring(): void;
  /** Resolves at the next ring, or at once after one that nobody has heard. One may wait at a time. */
  rung(): Promise<void>;
}

/** Makes a bell. */
export function createBell(): Bell {
  let next = Promise.withResolvers<void>();
  return {
    ring: () => next.resolve(),
    async rung() {
      await next.promise;
      next = Promise.withResolvers();
    },
  };
}
