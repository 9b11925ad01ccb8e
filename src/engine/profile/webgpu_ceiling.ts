/** The ceiling of a WebGPU device: two bare kernels. @module */

import copySource from "../../../kernels/ceiling/copy.wgsl" with { type: "text" };
import multiplyAddSource from "../../../kernels/ceiling/multiply_add.wgsl" with { type: "text" };
import { createPipelineCache } from "../webgpu/pipelines.ts";
import type { Bandwidth, Ceiling } from "./ceiling.ts";
import { openTimestamps } from "./timestamps.ts";

/** Both kernels' workgroups, and what an invocation does. */
const INVOCATIONS_PER_WORKGROUP = 256;
const FLOPS_PER_TURN = 2 * 8 * 16;
const BYTES_COPIED = 16;

/** Invocations of the multiply-add kernel: several for every lane of the largest GPU. */
const INVOCATIONS = 2 ** 20;
/** Bytes of source and copy together: within a small cache, a large one, and none; each half fits the default binding. */
const WORKING_SETS = [2 ** 22, 2 ** 25, 192 * 2 ** 20] as const;

/** Seconds of GPU work worth measuring, by its own clock and by this thread's. */
const WORTHWHILE = { gpu: 0.005, wall: 0.03 } as const;
/** Work grows by this factor while it is too short; no dispatch may take as long as 0.5 s, which drivers kill. */
const GROWTH = 6;
const LARGEST_FACTOR = GROWTH ** 6;
const REPEATS = 3;

/** Runs what is encoded into a pass; its seconds. */
type TimePass = (encode: (pass: GPUComputePassEncoder) => void) => Promise<number>;

/** Measures a device, in about a second: by timestamps where it was opened with "timestamp-query", else by this thread's clock. */
export async function measureWebgpuCeiling(device: GPUDevice): Promise<Ceiling> {
  const timestamps = await openTimestamps(device, 1);
  const run: TimePass = async (encode) => {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(
      timestamps && { timestampWrites: timestamps.next() },
    );
    encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    if (timestamps) return (await timestamps.read())[0];
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  };
  const nothing = timestamps ? 0 : await best(() => run(() => {}));
  const time: TimePass = async (encode) => await run(encode) - nothing;
  const worthwhile = WORTHWHILE[timestamps ? "gpu" : "wall"];
  const bandwidths: Bandwidth[] = [];
  for (const workingSet of WORKING_SETS) {
    bandwidths.push({
      workingSet,
      bytesPerSecond: await copyBandwidth(device, workingSet, time, worthwhile),
    });
  }
  return { flopsPerSecond: await multiplyAdds(device, time, worthwhile), bandwidths };
}

async function multiplyAdds(
  device: GPUDevice,
  time: TimePass,
  worthwhile: number,
): Promise<number> {
  const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
  const operand = device.createBuffer({ size: 4, usage: STORAGE | COPY_DST });
  const result = device.createBuffer({ size: 4 * INVOCATIONS, usage: STORAGE });
  const params = device.createBuffer({ size: 16, usage: UNIFORM | COPY_DST });
  device.queue.writeBuffer(operand, 0, Float32Array.of(0.5));
  const encode = await dispatcher(
    device,
    "ceiling multiply_add",
    multiplyAddSource,
    [operand, result, params],
    INVOCATIONS,
  );
  const rate = await bestRate(worthwhile, (turns) => {
    device.queue.writeBuffer(params, 0, Uint32Array.of(turns, 0, 0, 0));
    return time(encode);
  });
  [operand, result, params].forEach((buffer) => buffer.destroy());
  return rate * INVOCATIONS * FLOPS_PER_TURN;
}

async function copyBandwidth(
  device: GPUDevice,
  workingSet: number,
  time: TimePass,
  worthwhile: number,
): Promise<number> {
  const buffers = [0, 1].map(() =>
    device.createBuffer({ size: workingSet / 2, usage: GPUBufferUsage.STORAGE })
  );
  const invocations = workingSet / 2 / BYTES_COPIED;
  const encode = await dispatcher(device, "ceiling copy", copySource, buffers, invocations);
  const rate = await bestRate(
    worthwhile,
    (copies) =>
      time((pass) => {
        for (let copy = 0; copy < copies; copy++) encode(pass);
      }),
  );
  buffers.forEach((buffer) => buffer.destroy());
  return rate * workingSet;
}

/** Compiles a kernel; the function returned encodes one dispatch of it. */
async function dispatcher(
  device: GPUDevice,
  name: string,
  source: string,
  buffers: readonly GPUBuffer[],
  invocations: number,
): Promise<(pass: GPUComputePassEncoder) => void> {
  const workgroups = invocations / INVOCATIONS_PER_WORKGROUP;
  const cache = createPipelineCache(device);
  const { pipeline, layout } = cache.get(name, { source, workgroups });
  await cache.check();
  const bindGroup = device.createBindGroup({
    layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(workgroups);
  };
}

/** Units of work a second: as many at once as are worth measuring, the best of a few. */
async function bestRate(
  worthwhile: number,
  seconds: (units: number) => Promise<number>,
): Promise<number> {
  // The first dispatch also pays for what the driver compiles late.
  await seconds(1);
  for (let units = 1;; units *= GROWTH) {
    // A single time may be of anything, once what an empty pass takes is subtracted from it.
    const time = await best(() => seconds(units));
    if (time >= worthwhile || units >= LARGEST_FACTOR) return units / time;
  }
}

async function best(seconds: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) least = Math.min(least, await seconds());
  return least;
}
