/** The devices that engine tests run on: the CPU always, WebGPU where an adapter answers. HAFL_REQUIRE_GPU=1 makes its absence a failure. */

import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { prepareGraphics } from "../../src/cli/graphics.ts";
import type { Device } from "../../src/engine/device.ts";
import { findAdapter } from "../../src/engine/webgpu/adapter.ts";
import { createWebgpuDevice } from "../../src/engine/webgpu/device.ts";

/** A device by name; `open` may be called many times. */
export interface TestDevice {
  readonly name: "cpu" | "webgpu";
  readonly ignore: boolean;
  open(): Promise<Device>;
}

prepareGraphics();
const required = Deno.env.get("HAFL_REQUIRE_GPU") === "1";
const present = await findAdapter() !== undefined;
if (required && !present) {
  throw new Error("HAFL_REQUIRE_GPU=1, but no WebGPU adapter answers: run `deno task setup`");
}

// A closed device keeps its handle at the driver until it is collected, and a GPU has a few hundred of them: `--v8-flags=--expose-gc` collects after each test.
Deno.test.afterEach(() => (globalThis as { gc?: () => void }).gc?.());

/** Both devices; the one that is absent is skipped by name. */
export const testDevices: readonly TestDevice[] = [
  { name: "cpu", ignore: false, open: () => Promise.resolve(createCpuDevice({ threads: 1 })) },
  // Unmeasured: the same variants in every test, and no time spent.
  { name: "webgpu", ignore: !present, open: () => createWebgpuDevice({ measure: false }) },
];

/** Registers one test a device. */
export function onEveryDevice(
  name: string,
  body: (device: Device, kind: string) => Promise<void>,
): void {
  for (const device of testDevices) {
    Deno.test({
      name: `${name} [${device.name}]`,
      ignore: device.ignore,
      fn: async () => await body(await device.open(), device.name),
    });
  }
}
