/** Looks at this machine. @module */

import { createCpuDevice } from "../../engine/cpu/device.ts";
import type { Ceiling } from "../../engine/profile/ceiling.ts";
import { measureCpuCeiling } from "../../engine/profile/cpu_ceiling.ts";
import { measureWebgpuCeiling } from "../../engine/profile/webgpu_ceiling.ts";
import { openDevice } from "../../engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../engine/webgpu/device.ts";
import type { Task } from "../../protocol/task.ts";
import { readConfig } from "../../weights/mod.ts";
import { builtInBase } from "../../weights/built_in_base.ts";
import { listAdapters } from "./adapters.ts";
import { findingsOf } from "./checks.ts";
import type { DeviceReport, DoctorReport } from "./report.ts";
import { type KnownShape, knownShapes } from "./shapes.ts";
import { type DeviceLimits, isTrainableFor, plannedSettings, trainingSize } from "./sizes.ts";
import { readSurroundings } from "./surroundings.ts";
import { type DeviceTrial, tryDevice } from "./try_device.ts";

/** What a machine is examined for. */
export interface ExaminationChoice {
  /** Threads of the CPU device. */
  readonly threads: number;
  /** What models are to be trained for. */
  readonly task: Task;
  /** Whether to ask the network too. */
  readonly network: boolean;
}

/** Everything that {@linkcode DoctorReport} tells, measured now. */
export async function examine(
  { threads, task, network }: ExaminationChoice,
): Promise<DoctorReport> {
  // Before measuring takes memory itself.
  const runtime = Deno.memoryUsage().rss;
  const { available, total } = Deno.systemMemoryInfo();
  const [programs] = Deno.loadavg();
  const adapters = await listAdapters();
  const builtIn = await readConfig(await builtInBase()) as KnownShape["config"];
  const shapes = [{ name: "built-in base", config: builtIn }, ...knownShapes]
    .filter((shape) => isTrainableFor(task, shape));
  const look = async (trial: DeviceTrial, limits: DeviceLimits): Promise<DeviceReport> => ({
    ...await tryDevice(trial),
    sizes: shapes.map((shape) => trainingSize(shape, limits, runtime, task)),
  });
  const cpu = createCpuDevice({ threads });
  const devices = [
    await look(
      { known: cpu.info, open: () => cpu, ceiling: () => measureCpuCeiling(threads) },
      { kind: "cpu", threads, available },
    ),
  ];
  if (adapters.length > 0) {
    const [{ description, software, limits }] = adapters;
    devices.push(
      await look(
        {
          known: { kind: "webgpu", description },
          open: () => createWebgpuDevice(),
          ceiling: software ? undefined : measureAdapterCeiling,
        },
        { kind: "webgpu", limits, available: software ? available : undefined },
      ),
    );
  }
  const checks = findingsOf({ devices, adapters, ...await readSurroundings(network) });
  return {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    memory: { available, total },
    load: { programs, processors: navigator.hardwareConcurrency },
    ...{ adapters, devices, settings: plannedSettings(task), checks },
    canTrain: checks.every(({ there, needed }) => there || !needed),
  };
}

async function measureAdapterCeiling(): Promise<Ceiling> {
  const { device } = await openDevice(["timestamp-query"]);
  try {
    return await measureWebgpuCeiling(device);
  } finally {
    device.destroy();
  }
}
