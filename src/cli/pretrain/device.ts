/** The device of a pretraining. @module */

import { type Device, DeviceMemoryError } from "../../engine/device.ts";
import { NoAdapterError } from "../../engine/webgpu/adapter.ts";
import { candidates, type DeviceChoice } from "../../federated/open_session.ts";
import { UserError } from "../../protocol/errors.ts";

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
    const [device] = await candidates(choice);
    return { device, loaded: await load(device) };
  } catch (error) {
    if (error instanceof NoAdapterError) throw new UserError(error.message);
    if (error instanceof DeviceMemoryError) {
      throw new UserError(`${error.message}; try a smaller --batch, --seq-len or model`);
    }
    throw error;
  }
}
