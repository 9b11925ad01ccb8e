/** The fastest of several devices. @module */

import type { Device, Executor } from "./device.ts";

/**
 * Loads programs on every device of a list, and keeps those that take the shortest time; the others are closed, and a single one is not timed. A device that
 * cannot load them, for instance because a table is too large for it, is passed over while another one can.
 *
 * @throws what the first device's `load` threw, when none can.
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
  for (const loaded of opened) times.push(await secondsOf(loaded));
  const fastest = opened[times.indexOf(Math.min(...times))];
  const others = opened.filter((loaded) => loaded !== fastest);
  await Promise.all(others.map(({ executor }) => executor.close()));
  return fastest;
}
