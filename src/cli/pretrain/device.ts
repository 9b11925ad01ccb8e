/** The device of a pretraining. @module */

import type { Device } from "../../engine/device.ts";
import { candidates, type DeviceChoice } from "../../federated/open_session.ts";
import { deviceMistake } from "../device_mistake.ts";

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
    throw deviceMistake(error, "try a smaller --batch, --seq-len or model");
  }
}
