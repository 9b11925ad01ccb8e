import type { DeviceInfo } from "../engine/device.ts";

/** A device as people read it: "cpu (2 threads)". */
export function deviceText({ description, threads }: DeviceInfo): string {
  if (threads === undefined) return description;
  return `${description} (${threads} ${threads === 1 ? "thread" : "threads"})`;
}
