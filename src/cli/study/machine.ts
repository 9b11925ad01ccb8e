/** What a study's runs are spread over. @module */

import { findAdapter, isSoftware } from "../../engine/webgpu/adapter.ts";
import type { DeviceName } from "../../federated/settings/execution.ts";
import { counted } from "../units.ts";
import type { StudyFlags } from "./flags.ts";

/** A device, and how many runs share it. */
export interface StudyMachine {
  readonly device: Exclude<DeviceName, "auto">;
  /** Runs at a time. */
  readonly jobs: number;
  /** Threads of each run, on the CPU. */
  readonly threads: number;
}

/** A GPU where there is one, and one run at a time on it; else as many runs as the processors allow. */
export async function chooseMachine(
  { device, jobs, threads }: Pick<StudyFlags, "device" | "jobs" | "threads">,
  processors: number = navigator.hardwareConcurrency,
  hasGpu: () => Promise<boolean> = findGpu,
): Promise<StudyMachine> {
  const chosen = device !== "auto" ? device : await hasGpu() ? "webgpu" : "cpu";
  const most = chosen === "webgpu" ? 1 : Math.max(1, Math.floor(processors / threads));
  return { device: chosen, jobs: jobs ?? most, threads };
}

/** A machine in a line. */
export function machineText({ device, jobs, threads }: StudyMachine): string {
  const place = device === "webgpu" ? "WebGPU" : `CPU (${counted(threads, "thread")} each)`;
  return `${jobs === 1 ? "one run" : `${jobs} runs`} at a time, ${place}`;
}

async function findGpu(): Promise<boolean> {
  const adapter = await findAdapter();
  return adapter !== undefined && !isSoftware(adapter);
}
