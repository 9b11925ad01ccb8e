/** Devices by the name that programs take as `--device`. @module */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import type { Device, DeviceInfo } from "../../src/engine/device.ts";
import { createWebgpuDevice } from "../../src/engine/webgpu/device.ts";
import type { ProgramArguments } from "./arguments.ts";
import type { Facts } from "./repetitions.ts";

/** The device that was asked for. */
export async function openDevice(
  { device, threads }: Pick<ProgramArguments, "device" | "threads">,
): Promise<Device> {
  if (device === "cpu") return createCpuDevice({ threads });
  prepareGraphics();
  return await createWebgpuDevice();
}

/** A device as a program tells of it. */
export function deviceFacts({ description, threads }: DeviceInfo): Facts {
  return { engine: description, ...(threads !== undefined && { threads }) };
}
