import type { DeviceLostError } from "../engine/device.ts";

/** What a user reads of a device that failed: it may go well the next time, and does without the device. */
export function lostDeviceText({ message }: DeviceLostError): string {
  return `${message}; run the command again, or use --device cpu`;
}
