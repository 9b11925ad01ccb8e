/**
 * A device's bare multiply-add loop, the ceiling of every product: `deno run -A bench/programs/ceiling.ts --device cpu|webgpu [--threads 2]`. Seconds are
 * those of one multiply-add.
 */

import { prepareGraphics } from "../../src/cli/graphics.ts";
import { measureCpuCeiling } from "../../src/engine/profile/cpu_ceiling.ts";
import { measureWebgpuCeiling } from "../../src/engine/profile/webgpu_ceiling.ts";
import { describeAdapter, openDevice } from "../../src/engine/webgpu/adapter.ts";
import { readArguments } from "../harness/arguments.ts";
import { repeat } from "../harness/repetitions.ts";

const options = readArguments(Deno.args);
const { device, threads } = options;
prepareGraphics();
const gpu = device === "webgpu" ? await openDevice() : undefined;
const measure = () => gpu ? measureWebgpuCeiling(gpu.device) : measureCpuCeiling(threads);
let flopsPerSecond = 0;

await repeat(
  gpu ? { adapter: describeAdapter(gpu.adapter) } : { threads },
  async () => {
    ({ flopsPerSecond } = await measure());
  },
  options,
  () => ({ flopsPerSecond }),
);
gpu?.device.destroy();
