/** The device of a pretraining. @module */

import { createCpuDevice } from "../../engine/cpu/device.ts";
import { type Device, DeviceMemoryError, type Tuning } from "../../engine/device.ts";
import { findAdapter, isSoftware, NoAdapterError } from "../../engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../engine/webgpu/device.ts";
import { UserError } from "../../protocol/errors.ts";

/** Which device to use. */
export interface DeviceChoice {
  readonly kind: "auto" | "cpu" | "webgpu";
  /** Threads of the CPU device. */
  readonly threads: number;
  /** Variants of kernels to use on WebGPU, from the pretraining that goes on; others are measured. */
  readonly tuning?: Tuning | undefined;
}

/**
 * Opens the device and loads something onto it. "auto" takes a real GPU where there is one: for training all weights none is slower than the processor
 * beside it.
 *
 * @throws UserError when WebGPU is asked for by name and there is no adapter, or when the memory does not suffice.
 */
export async function loadOnDevice<T>(
  choice: DeviceChoice,
  load: (device: Device) => Promise<T>,
): Promise<{ readonly device: Device; readonly loaded: T }> {
  try {
    const device = await openDevice(choice);
    return { device, loaded: await load(device) };
  } catch (error) {
    if (error instanceof NoAdapterError) throw new UserError(error.message);
    if (error instanceof DeviceMemoryError) {
      throw new UserError(`${error.message}; try a smaller --batch, --seq-len or model`);
    }
    throw error;
  }
}

async function openDevice({ kind, threads, tuning = {} }: DeviceChoice): Promise<Device> {
  if (kind === "webgpu") return await createWebgpuDevice({ tuning });
  if (kind === "auto") {
    const adapter = await findAdapter();
    if (adapter && !isSoftware(adapter)) return await createWebgpuDevice({ tuning });
  }
  return createCpuDevice({ threads });
}
