/** The device of a pretraining. @module */

import { createCpuDevice } from "../../engine/cpu/device.ts";
import type { Device } from "../../engine/device.ts";
import { findAdapter, isSoftware } from "../../engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../engine/webgpu/device.ts";

/** "auto" takes a real GPU where there is one: for training all weights none is slower than the processor beside it. */
export async function openDevice(
  { kind, threads }: { readonly kind: "auto" | "cpu" | "webgpu"; readonly threads: number },
): Promise<Device> {
  if (kind === "webgpu") return await createWebgpuDevice();
  if (kind === "auto") {
    const adapter = await findAdapter();
    if (adapter && !isSoftware(adapter)) return await createWebgpuDevice();
  }
  return createCpuDevice({ threads });
}
