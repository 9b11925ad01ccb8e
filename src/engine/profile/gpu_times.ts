/** Times of a WebGPU device's nodes. @module */

import type { Cost } from "../op.ts";
import type { NodeTimes } from "./profiled_executor.ts";
import { timestampedTimes } from "./timestamped_times.ts";
import { openTimestamps } from "./timestamps.ts";
import { wallTimes } from "./wall_times.ts";

/** Passes that can be timed between two reads: dozens of runs of a model's step. */
const ROOM = 16384;

/** A dispatch as a profile names it: a node, or a part of one that is large. */
export interface TimedNode {
  readonly kernel: string;
  readonly cost: Cost;
}

/** Dispatches that share a pass. */
export interface Pass<D> {
  readonly dispatches: readonly D[];
  readonly timestampWrites?: GPUComputePassTimestampWrites;
}

/** The times of a device's nodes, and how its runs are cut into passes to get them. */
export interface GpuTimes extends NodeTimes {
  /** The passes of the next run of a program. */
  passes<D>(program: string, dispatches: readonly D[]): readonly Pass<D>[];
  /** Hears that these passes are encoded and about to be submitted. */
  encoded(): void;
  /** Hears what the submission of one of their command buffers took. */
  submitted(seconds: number): void;
}

/** Times by the GPU's clock; by the wall, a program at a time, where the device has none. */
export async function openGpuTimes(
  device: GPUDevice,
  programs: ReadonlyMap<string, readonly TimedNode[]>,
): Promise<GpuTimes> {
  const largest = Math.max(...[...programs.values()].map(({ length }) => length));
  const timestamps = await openTimestamps(device, Math.max(ROOM, 2 * largest));
  return timestamps ? timestampedTimes(timestamps, programs) : wallTimes(programs);
}
