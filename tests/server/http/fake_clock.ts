import type { Clock } from "../../../server/http/clock.ts";

/** A clock that stands still until it is told otherwise. */
export interface FakeClock extends Clock {
  /** Lets time pass; timers that fall due are called at their time, in order. */
  advance(milliseconds: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

/** Makes a clock. */
export function createFakeClock(start = 1_800_000_000_000): FakeClock {
  let time = start;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => time,
    after(milliseconds, run) {
      const timer = { at: time + milliseconds, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      const end = time + milliseconds;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((x, y) => x.at - y.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        time = Math.max(time, due.at);
        due.run();
        await turn();
      }
      time = end;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Lets everything that can happen without time passing happen once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Waits until something is so, while no time passes; fails when it does not come to be. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 2000; turns++) {
    if (await condition()) return;
    await turn();
  }
  throw new Error(`Waited in vain until ${condition}`);
}
