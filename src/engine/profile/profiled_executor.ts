/** An executor that keeps time. @module */

import type { Executor } from "../device.ts";
import type { ExecutorProfile, ProfileClock, ProgramProfile } from "./profile.ts";

/** Where a device keeps the times of its nodes. */
export interface NodeTimes {
  /** How they are taken. */
  readonly clock: ProfileClock;
  /** Hears of each run, once the call is over, and the seconds that the call took. */
  ran(program: string, seconds: number): void;
  /** Fetches times that the device holds, where it has little room left; `read` waits for it. */
  settle(): Promise<void>;
  /** Hears that all work given so far is done. */
  finished(): void;
  /** The programs that ran since this was last asked. */
  take(): Promise<readonly ProgramProfile[]>;
}

/** An executor of the same work that also tells its profile. */
export function profiledExecutor(executor: Executor, times: NodeTimes): Executor {
  let writeSeconds = 0;
  let readSeconds = 0;
  // Reads wait together, and the time is theirs once.
  const reading = { count: 0, since: 0 };
  const writing = (work: () => void): void => {
    const start = performance.now();
    work();
    writeSeconds += secondsSince(start);
  };
  return {
    device: executor.device,
    write: (buffer, data, offset) => writing(() => executor.write(buffer, data, offset)),
    clear: (buffer) => writing(() => executor.clear(buffer)),
    run(program) {
      const start = performance.now();
      executor.run(program);
      times.ran(program, secondsSince(start));
    },
    async read(buffer, offset, length) {
      if (reading.count++ === 0) reading.since = performance.now();
      const [data] = await Promise.all([executor.read(buffer, offset, length), times.settle()])
        .finally(() => {
          if (--reading.count === 0) readSeconds += secondsSince(reading.since);
        });
      times.finished();
      return data;
    },
    async profile(): Promise<ExecutorProfile> {
      const programs = await times.take();
      const profile = { clock: times.clock, programs, writeSeconds, readSeconds };
      writeSeconds = readSeconds = 0;
      return profile;
    },
    close: () => executor.close(),
  };
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
