/** The fastest of several devices. @module */

import type { Device, Executor } from "./device.ts";

/**
 * Loads programs on every device of a list, and keeps those that take the shortest time; the others are closed, and a single one is not timed. A device that
 * cannot load them, for instance because a table is too large for it, or fails while it is timed, is passed over while another one can.
 *
 * @throws what the first device's `load` or timing threw, when none can.
 */
export async function loadOnFastest<Loaded extends { readonly executor: Executor }>(
  devices: readonly Device[],
  load: (device: Device) => Promise<Loaded>,
  secondsOf: (loaded: Loaded) => Promise<number>,
): Promise<Loaded> {
  const attempts = await Promise.allSettled(devices.map(load));
  const opened = attempts.filter((attempt) => attempt.status === "fulfilled")
    .map(({ value }) => value);
  if (opened.length === 0) throw (attempts[0] as PromiseRejectedResult).reason;
  if (opened.length === 1) return opened[0];
  const times: number[] = [];
  const failures: unknown[] = [];
  for (const loaded of opened) {
    try {
      times.push(await secondsOf(loaded));
    } catch (error) {
      times.push(Infinity);
      failures.push(error);
    }
  }
  const fastest = failures.length < opened.length
    ? opened[times.indexOf(Math.min(...times))]
    : undefined;
  const others = opened.filter((loaded) => loaded !== fastest);
  // A device that failed may fail to close, which is no reason to leave another one open.
  await Promise.allSettled(others.map(({ executor }) => executor.close()));
  if (fastest === undefined) throw failures[0];
  return fastest;
}
