/**
 * The WebGPU device: programs become fixed lists of dispatches over buffers made at load; a run is one encoder, one pass, one submit, unless that
 * might take so long that a driver would end it.
 *
 * @module
 */

import {
  type BufferData,
  type Device,
  type DeviceInfo,
  DeviceLostError,
  type Executor,
  type Tuning,
} from "../device.ts";
import { checkHalfWrite, packHalves } from "../half.ts";
import { checkRowWrite, firstScale, packInt8 } from "../int8.ts";
import { checkCompact } from "../op.ts";
import { operation } from "../ops/registry.ts";
import { type MemoryPlan, planMemory } from "../plan.ts";
import { openGpuTimes } from "../profile/gpu_times.ts";
import { profiledExecutor } from "../profile/profiled_executor.ts";
import type { DType, Program } from "../program.ts";
import { describeAdapter, isSoftware, openDevice, requireAdapter } from "./adapter.ts";
import {
  checkSizes,
  createBuffers,
  createScratch,
  createUpload,
  readBack,
  readHalves,
  readInt8,
} from "./buffers.ts";
import { callsOf, type Dispatch, encode, measuredPace, recordNode, surePace } from "./dispatch.ts";
import { checkHalfReading, usesHalves } from "./half_check.ts";
import { createPipelineCache } from "./pipelines.ts";
import { chooseVariants, scratchElements, variantOf } from "./tuning.ts";

/** Seconds that a dispatch takes at most, and a command buffer of several: drivers reset a GPU that does not answer for about two. */
const LONGEST_SECONDS = 0.5;

/** Settings of {@linkcode createWebgpuDevice}. */
export interface WebgpuDeviceOptions {
  /** Whether executors keep the times of what they run and tell them by `profile` (default: no). */
  readonly profile?: boolean;
  /** Variants of kernels chosen before (`DeviceInfo.tuning`): what is in it is not measured again. */
  readonly tuning?: Tuning;
  /** Whether to measure variants for about two seconds (default: unless the adapter is software, whose best ones are known). */
  readonly measure?: boolean;
  /** Hears how far measuring is, by kinds of nodes. */
  readonly onMeasure?: (done: number, total: number) => void;
  /** Bytes of a buffer that a dispatch may bind (default: the adapter's limit). Larger tables of frozen weights are taken by parts. */
  readonly largestBinding?: number;
  /** Seconds that a dispatch may take (default: 0.5). */
  readonly longestSeconds?: number;
}

/**
 * A device that runs the WGSL kernels on the high-performance adapter, at the adapter's own buffer limits. Loading programs opens it anew, so
 * that a lost device costs only its executor. Variants of kernels are measured when programs that need them are first loaded.
 *
 * Where programs have weights in half precision, the first load checks that the adapter reads those, and throws HalfPrecisionError where it does not.
 *
 * @throws NoAdapterError when there is no adapter.
 */
export async function createWebgpuDevice(options: WebgpuDeviceOptions = {}): Promise<Device> {
  const info = deviceInfo(await requireAdapter());
  const { profile = false, measure = !info.software } = options;
  const known = new Map(Object.entries(options.tuning ?? {}));
  let readsHalves = false;
  return {
    info,
    async load(programs) {
      if (!readsHalves && usesHalves(programs)) {
        const plain = { profile: false, measure: false, known };
        await checkHalfReading((programs) => loadOnWebgpu(programs, plain));
        readsHalves = true;
      }
      const executor = await loadOnWebgpu(programs, { ...options, profile, measure, known });
      for (const [kind, variant] of Object.entries(executor.device.tuning!)) {
        known.set(kind, variant);
      }
      return executor;
    },
  };
}

function deviceInfo(adapter: GPUAdapter): DeviceInfo {
  return { kind: "webgpu", description: describeAdapter(adapter), software: isSoftware(adapter) };
}

interface LoadOptions extends WebgpuDeviceOptions {
  readonly profile: boolean;
  readonly measure: boolean;
  readonly known: ReadonlyMap<string, string>;
}

/** Every executor opens a device of its own: a consumed or lost one never comes back, and ending it frees all its memory. */
async function loadOnWebgpu(
  programs: readonly Program[],
  options: LoadOptions,
): Promise<Executor> {
  for (const { op, inputs, outputs } of programs.flatMap(({ nodes }) => nodes)) {
    checkCompact(operation(op), inputs, outputs);
  }
  const memory = planMemory(programs);
  const { adapter, device } = await openDevice(
    options.profile || options.measure ? ["timestamp-query"] : [],
  );
  try {
    return await createExecutor(adapter, device, programs, memory, options);
  } catch (error) {
    await endDevice(device);
    throw error;
  }
}

/** Destroys a device. wgpu frees the memory of a destroyed one only when it looks whether work is done, and so it is asked. */
async function endDevice(device: GPUDevice): Promise<void> {
  device.destroy();
  await device.queue.onSubmittedWorkDone();
}

async function createExecutor(
  adapter: GPUAdapter,
  device: GPUDevice,
  programs: readonly Program[],
  memory: MemoryPlan,
  options: LoadOptions,
): Promise<Executor> {
  const software = isSoftware(adapter);
  const { longestSeconds = LONGEST_SECONDS } = options;
  const largestBinding = Math.min(
    device.limits.maxStorageBufferBindingSize,
    options.largestBinding ?? Infinity,
  );
  checkSizes(memory, device.limits, largestBinding);
  const checkDevice = watch(device);
  const buffers = await createBuffers(device, memory);
  const cache = createPipelineCache(device);
  const pace = surePace(software, longestSeconds);
  const unmeasured = { device, cache, buffers, pace, largestBinding };
  const choices = await chooseVariants(programs, memory, unmeasured, { ...options, software });
  const { tuning, flopsPerSecond } = choices;
  const parts = flopsPerSecond === undefined
    ? unmeasured
    : { ...unmeasured, pace: measuredPace(flopsPerSecond, longestSeconds) };
  const calls = programs.flatMap(({ nodes }) =>
    nodes.flatMap((node) => callsOf(node, variantOf(node, tuning), largestBinding))
  );
  const scratch = await createScratch(device, scratchElements(calls));
  const dispatches = new Map(programs.map(({ name, nodes }) => {
    const slots = memory.assignments.get(name)!;
    const record = nodes.flatMap((node) =>
      recordNode({ ...parts, scratch }, node, slots, variantOf(node, tuning))
    );
    return [name, record];
  }));
  await cache.check();
  const times = options.profile ? await openGpuTimes(device, dispatches) : undefined;
  const upload = createUpload(device);
  const submit = (command: GPUCommandBuffer) => device.queue.submit([command]);
  const timedSubmit = (command: GPUCommandBuffer) => {
    const began = performance.now();
    submit(command);
    times!.submitted((performance.now() - began) / 1000);
  };

  let closed: Promise<void> | undefined;
  const check = () => {
    if (closed !== undefined) throw new Error("Cannot use this executor: it is closed");
    checkDevice();
  };
  const spec = (name: string) => {
    const found = memory.buffers.get(name);
    if (found === undefined) {
      throw new RangeError(`Cannot find buffer "${name}": no loaded program declares it`);
    }
    return { ...found, buffer: buffers.named.get(name)! };
  };

  const executor: Executor = {
    device: { ...deviceInfo(adapter), kernels: kernelNames(dispatches), tuning },
    write(name, data, offset = 0) {
      check();
      const found = spec(name);
      const { buffer, dtype, length, width } = found;
      checkType(name, data, dtype);
      checkRange(name, offset, data.length, length);
      if (dtype === "f16") {
        checkHalfWrite(name, length, data as Float32Array, offset);
        upload(buffer, packHalves(data as Float32Array), offset / 2);
      } else if (width !== undefined) {
        checkRowWrite(found, data as Float32Array, offset);
        const { words, scales } = packInt8(data as Float32Array, width);
        upload(buffer, words, offset / 4);
        upload(buffer, scales, firstScale(length) + offset / width);
      } else upload(buffer, data, offset);
    },
    clear(name) {
      check();
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(spec(name).buffer);
      device.queue.submit([encoder.finish()]);
    },
    run(name) {
      check();
      const list = dispatches.get(name);
      if (list === undefined) {
        throw new RangeError(`Cannot run program "${name}": it is not loaded`);
      }
      const passes = times?.passes(name, list) ?? [{ dispatches: list }];
      const commands = encode(device, passes, longestSeconds);
      times?.encoded();
      commands.forEach(times ? timedSubmit : submit);
    },
    async read(name, offset = 0, length = spec(name).length - offset) {
      check();
      const { buffer, dtype, length: total, width } = spec(name);
      checkRange(name, offset, length, total);
      if (dtype === "f16") return await readHalves(device, buffer, offset, length);
      if (width !== undefined) {
        return await readInt8(device, buffer, total, width, offset, length);
      }
      const bytes = await readBack(device, buffer, 4 * offset, 4 * length);
      checkDevice();
      return dtype === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes);
    },
    close() {
      return closed ??= device.queue.onSubmittedWorkDone().then(() => endDevice(device));
    },
  };
  return times === undefined ? executor : profiledExecutor(executor, times);
}

/** Names of the variants in use, sorted. */
function kernelNames(dispatches: ReadonlyMap<string, readonly Dispatch[]>): string[] {
  return [...new Set([...dispatches.values()].flat().map(({ kernel }) => kernel))].sort();
}

/** Listens for errors that no call reports; the function returned throws a DeviceLostError once there was one. */
function watch(device: GPUDevice): () => void {
  let trouble: string | undefined;
  device.lost.then(({ message, reason }) => {
    trouble ??= `was lost: ${message || reason}`;
  });
  device.addEventListener("uncapturederror", (event) => {
    trouble ??= `failed: ${(event as GPUUncapturedErrorEvent).error.message}`;
  });
  return () => {
    if (trouble !== undefined) throw new DeviceLostError(`The WebGPU device ${trouble}`);
  };
}

function checkType(name: string, data: BufferData, dtype: DType): void {
  const expected = dtype === "u32" ? "Uint32Array" : "Float32Array";
  const got = data instanceof Float32Array ? "Float32Array" : "Uint32Array";
  if (got !== expected) {
    throw new TypeError(`Cannot write buffer "${name}": expected ${expected}, got ${got}`);
  }
}

function checkRange(name: string, offset: number, length: number, total: number): void {
  if (offset < 0 || length < 0 || offset + length > total) {
    throw new RangeError(
      `Cannot access "${name}": expected a range within ${total} elements, got [${offset}, ${
        offset + length
      })`,
    );
  }
}
