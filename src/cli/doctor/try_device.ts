/** Whether a device works, and how fast. @module */

import type { Device } from "../../engine/device.ts";
import type { Ceiling } from "../../engine/profile/ceiling.ts";
import type { DeviceReport } from "./report.ts";
import { measureSpeed } from "./speed.ts";

/** A device to try. */
export interface DeviceTrial {
  /** What is known of it before it is opened. */
  readonly known: Pick<DeviceReport, "kind" | "description">;
  open(): Device | Promise<Device>;
  /** Left out where the memory is another device's. */
  readonly ceiling?: (() => Promise<Ceiling>) | undefined;
}

/** Opens a device and measures it. One that fails here fails in training too, and does not keep the rest from being told. */
export async function tryDevice(
  { known, open, ceiling }: DeviceTrial,
): Promise<Omit<DeviceReport, "sizes">> {
  let info = known;
  try {
    const device = await open();
    info = device.info;
    return { ...info, speed: await measureSpeed(device, ceiling) };
  } catch (error) {
    return { ...info, failure: (error as Error).message };
  }
}
