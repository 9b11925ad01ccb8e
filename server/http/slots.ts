import type { Clock } from "./clock.ts";
import type { SlotLimits } from "./limits.ts";
import { ProblemError } from "./problems.ts";

/** Bounds how many bodies are received, or sent, at a time. */
export interface Slots {
  /**
   * Takes a slot, or waits for one: first come, first served.
   *
   * @param owner who is at the other end; one owner gets only some of the slots.
   * @returns what gives it back when it is disposed of.
   * @throws {ProblemError} `busy` when the owner has its share, or none became free in time.
   */
  take(owner: string): Promise<Disposable>;
}

/**
 * Makes slots that are all free.
 *
 * @param what they are for, as in "64 uploads".
 * @param random uniform in [0, 1): those who are sent away do not all come back at once.
 */
export function createSlots(
  what: string,
  { most, perOwner, waitMs }: SlotLimits,
  clock: Pick<Clock, "after">,
  random: () => number,
): Slots {
  // Those that hold a slot or wait for one.
  const byOwner = new Map<string, number>();
  // What hands a slot over, the longest wait first.
  const waiting = new Set<() => void>();
  let taken = 0;

  function busy(whose: string): ProblemError {
    const seconds = 1 + Math.floor(4 * random());
    return new ProblemError(
      "busy",
      `Cannot take the request now: ${whose} are in progress; try again in ${seconds} s`,
      { headers: { "retry-after": String(seconds) } },
    );
  }

  function leave(owner: string): void {
    const left = byOwner.get(owner)! - 1;
    if (left === 0) byOwner.delete(owner);
    else byOwner.set(owner, left);
  }

  function freeOne(): void {
    const [handOver] = waiting;
    if (handOver === undefined) taken--;
    else handOver();
  }

  /** @returns whether a slot was handed over in time. */
  async function waitForOne(): Promise<boolean> {
    if (waitMs <= 0) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const end = (got: boolean) => {
      waiting.delete(handOver);
      resolve(got);
    };
    const handOver = () => end(true);
    waiting.add(handOver);
    const callOff = clock.after(waitMs, () => end(false));
    const got = await promise;
    callOff();
    return got;
  }

  return {
    async take(owner) {
      const own = byOwner.get(owner) ?? 0;
      if (own >= perOwner) throw busy(`${own} ${what} of this sender`);
      byOwner.set(owner, own + 1);
      if (taken < most) taken++;
      else if (!await waitForOne()) {
        leave(owner);
        throw busy(`${taken} ${what}`);
      }
      let held = true;
      return {
        [Symbol.dispose]() {
          if (!held) return;
          held = false;
          leave(owner);
          freeOne();
        },
      };
    },
  };
}
