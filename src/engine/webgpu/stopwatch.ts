/** Short measurements of dispatches. @module */

import { openTimestamps, type Timestamps } from "../profile/timestamps.ts";
import { type Dispatch, encode } from "./dispatch.ts";

/** Timed runs of a candidate by the GPU's clock. */
const RUNS = 3;
/** Milliseconds that runs of a candidate take together where there is only the wall clock: several times the cost of waiting. */
const LONG_ENOUGH = 40;

/** What a command buffer takes at most by the pace that is sure. */
const SECONDS = 0.5;

/** Measures lists of dispatches against each other. */
export interface Stopwatch {
  /** Seconds of each list. */
  measure(candidates: readonly (readonly Dispatch[])[]): Promise<number[]>;
}

/** By the GPU's clock where the device has one, else by the wall. */
export async function openStopwatch(device: GPUDevice): Promise<Stopwatch> {
  const timestamps = await openTimestamps(device, 512);
  return timestamps === undefined ? wallStopwatch(device) : timestampStopwatch(device, timestamps);
}

function timestampStopwatch(device: GPUDevice, timestamps: Timestamps): Stopwatch {
  return {
    async measure(candidates) {
      // Each once untimed, for what drivers do late, then by turns, so that all meet the same conditions.
      await run(device, candidates.flat());
      for (let i = 0; i < RUNS; i++) {
        for (const dispatches of candidates) {
          const passes = [{ dispatches, timestampWrites: timestamps.next() }];
          submit(device, encode(device, passes, SECONDS));
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

function wallStopwatch(device: GPUDevice): Stopwatch {
  return {
    async measure(candidates) {
      const seconds: number[] = [];
      for (const dispatches of candidates) {
        await run(device, dispatches);
        let runs = 1;
        let taken = await run(device, dispatches);
        while (taken < LONG_ENOUGH) {
          runs *= 2;
          taken = await run(device, Array.from({ length: runs }, () => dispatches).flat());
        }
        seconds.push(taken / runs / 1000);
      }
      return seconds;
    },
  };
}

/** Milliseconds until the dispatches are done. */
async function run(device: GPUDevice, dispatches: readonly Dispatch[]): Promise<number> {
  const start = performance.now();
  submit(device, encode(device, [{ dispatches }], SECONDS));
  await device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

function submit(device: GPUDevice, commands: readonly GPUCommandBuffer[]): void {
  for (const command of commands) device.queue.submit([command]);
}
