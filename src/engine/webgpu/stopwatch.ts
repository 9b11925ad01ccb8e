/** Short measurements of dispatches. @module */

import type { Pass } from "../profile/gpu_times.ts";
import { openTimestamps, type Timestamps } from "../profile/timestamps.ts";
import { type Dispatch, encode } from "./dispatch.ts";

/** Timed runs of a candidate by the GPU's clock. */
const RUNS = 3;
/** Milliseconds that runs of a candidate take together where there is only the wall clock: several times the cost of waiting. */
const LONG_ENOUGH = 40;
/** Passes with room for their times: the timed runs of all candidates of a node, which are dozens at most. */
const PASSES = 512;

type Submit = (passes: readonly Pass<Dispatch>[]) => void;
/** Milliseconds until the dispatches are done. */
type Run = (dispatches: readonly Dispatch[]) => Promise<number>;

/** Measures lists of dispatches against each other. */
export interface Stopwatch {
  /** Seconds of each list. */
  measure(candidates: readonly (readonly Dispatch[])[]): Promise<number[]>;
}

/** By the GPU's clock where the device has one, else by the wall; `longest` seconds are what a command buffer may take by the pace that is sure. */
export async function openStopwatch(device: GPUDevice, longest: number): Promise<Stopwatch> {
  const timestamps = await openTimestamps(device, PASSES);
  const submit: Submit = (passes) => {
    for (const command of encode(device, passes, longest)) device.queue.submit([command]);
  };
  const run = async (dispatches: readonly Dispatch[]): Promise<number> => {
    const start = performance.now();
    submit([{ dispatches }]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  return timestamps === undefined
    ? wallStopwatch(run)
    : timestampStopwatch(run, submit, timestamps);
}

function timestampStopwatch(run: Run, submit: Submit, timestamps: Timestamps): Stopwatch {
  return {
    async measure(candidates) {
      // Each once untimed, for what drivers do late, then by turns, so that all meet the same conditions.
      await run(candidates.flat());
      for (let i = 0; i < RUNS; i++) {
        for (const dispatches of candidates) {
          submit([{ dispatches, timestampWrites: timestamps.next() }]);
        }
      }
      const seconds = await timestamps.read();
      return candidates.map((_, candidate) => {
        const own = seconds.filter((_, i) => i % candidates.length === candidate);
        return Math.min(...own);
      });
    },
  };
}

function wallStopwatch(run: Run): Stopwatch {
  return {
    async measure(candidates) {
      const seconds: number[] = [];
      for (const dispatches of candidates) {
        await run(dispatches);
        let runs = 1;
        let taken = await run(dispatches);
        while (taken < LONG_ENOUGH) {
          runs *= 2;
          taken = await run(Array.from({ length: runs }, () => dispatches).flat());
        }
        seconds.push(taken / runs / 1000);
      }
      return seconds;
    },
  };
}
