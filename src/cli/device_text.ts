import type { DeviceInfo } from "../engine/device.ts";
import { counted } from "./units.ts";

/** A device as people read it: "CPU (2 threads)", with a warning where threads outnumber the processors, for then they get in each other's way. */
export function deviceText(
  { description, threads }: DeviceInfo,
  processors: number = navigator.hardwareConcurrency,
): string {
  if (threads === undefined) return description;
  const warning = threads > processors ? `, more than the ${processors} processors` : "";
  return `${description} (${counted(threads, "thread")}${warning})`;
}
