/** Devices by the name that programs take as `--device`. @module */

import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device } from "../../src/engine/device.ts";
import { createWebgpuDevice } from "../../src/engine/webgpu/device.ts";
import type { ProgramArguments } from "./arguments.ts";

/** The device that was asked for. */
export async function openDevice(
  { device, threads }: Pick<ProgramArguments, "device" | "threads">,
): Promise<Device> {
  return device === "cpu" ? createCpuDevice({ threads }) : await createWebgpuDevice();
}
