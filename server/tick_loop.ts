import type { Clock } from "./http/clock.ts";

/** Work that is done again and again, never twice at a time. */
export interface TickLoop {
  /** Does it as soon as it can be done; what is asked for while it is being done makes it be done once more. */
  soon(): void;
  /** Ends after what is being done. */
  stop(): Promise<void>;
}

/** Starts work at once, and then every so often. */
export function startTicking(
  clock: Clock,
  everyMs: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): TickLoop {
  let again = false;
  let stopped = false;
  let running: Promise<void> | undefined;
  let callOff = () => {};

  async function run(): Promise<void> {
    do {
      again = false;
      try {
        await work();
      } catch (error) {
        onError(error);
      }
    } while (again && !stopped);
    running = undefined;
    if (!stopped) callOff = clock.after(everyMs, soon);
  }

  function soon(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    callOff();
    running = run();
  }

  soon();
  return {
    soon,
    async stop() {
      stopped = true;
      callOff();
      await running;
    },
  };
}
