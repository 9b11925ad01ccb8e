/**
 * The WebGPU device: programs become fixed lists of dispatches over buffers made at load; a run is one encoder, one pass, one submit.
 *
 * @module
 */

import {
  type BufferData,
  type Device,
  type DeviceInfo,
  DeviceLostError,
  DeviceMemoryError,
  type Executor,
} from "../device.ts";
import { operation } from "../ops/registry.ts";
import { type MemoryPlan, planMemory } from "../plan.ts";
import { type GpuTimes, openGpuTimes, type Pass } from "../profile/gpu_times.ts";
import { profiledExecutor } from "../profile/profiled_executor.ts";
import { type DType, elementCount, type Node, type Program, type Tensor } from "../program.ts";
import { describeAdapter, isSoftware, openDevice, requireAdapter } from "./adapter.ts";
import { packParams } from "./params.ts";
import { createPipelineCache, type PipelineCache } from "./pipelines.ts";

/** Most workgroups along one axis, by WebGPU's default limits. */
const MAX_WORKGROUPS = 65535;

/** One dispatch, ready to encode. */
interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly x: number;
  readonly y: number;
  /** The kernel's variant. */
  readonly kernel: string;
}

/** Settings of {@linkcode createWebgpuDevice}. */
export interface WebgpuDeviceOptions {
  /** Whether executors keep the times of what they run and tell them by `profile` (default: no). */
  readonly profile?: boolean;
}

/**
 * A device that runs the WGSL kernels on the high-performance adapter, at the adapter's own buffer limits. Loading programs opens it anew, so
 * that a lost device costs only its executor.
 *
 * @throws NoAdapterError when there is no adapter.
 */
export async function createWebgpuDevice(
  { profile = false }: WebgpuDeviceOptions = {},
): Promise<Device> {
  return {
    info: deviceInfo(await requireAdapter()),
    load: (programs) => loadOnWebgpu(programs, profile),
  };
}

function deviceInfo(adapter: GPUAdapter): DeviceInfo {
  return { kind: "webgpu", description: describeAdapter(adapter), software: isSoftware(adapter) };
}

/** Every executor opens a device of its own: a consumed or lost one never comes back, and closing it frees all its memory. */
async function loadOnWebgpu(programs: readonly Program[], profile: boolean): Promise<Executor> {
  const memory = planMemory(programs);
  const { adapter, device } = await openDevice(profile ? ["timestamp-query"] : []);
  try {
    return await createExecutor(adapter, device, programs, memory, profile);
  } catch (error) {
    device.destroy();
    throw error;
  }
}

async function createExecutor(
  adapter: GPUAdapter,
  device: GPUDevice,
  programs: readonly Program[],
  memory: MemoryPlan,
  profile: boolean,
): Promise<Executor> {
  checkSizes(memory, device.limits);
  const checkDevice = watch(device);
  const buffers = createBuffers(device, memory);
  const cache = createPipelineCache(device);
  const dispatches = new Map(
    programs.map((program) => [program.name, record(device, cache, program, buffers, memory)]),
  );
  await cache.check();
  const times = profile ? await openTimes(device, programs, dispatches) : undefined;

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
    device: { ...deviceInfo(adapter), kernels: cache.names() },
    write(name, data, offset = 0) {
      check();
      const { buffer, dtype, length } = spec(name);
      checkType(name, data, dtype);
      checkRange(name, offset, data.length, length);
      writeInParts(device, buffer, data, offset);
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
      const commands = encode(device, times?.passes(name, list) ?? [{ dispatches: list }]);
      times?.encoded();
      device.queue.submit([commands]);
    },
    async read(name, offset = 0, length = spec(name).length - offset) {
      check();
      const { buffer, dtype, length: total } = spec(name);
      checkRange(name, offset, length, total);
      const bytes = await readBack(device, buffer, 4 * offset, 4 * length);
      checkDevice();
      return dtype === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes);
    },
    close() {
      return closed ??= device.queue.onSubmittedWorkDone().then(() => device.destroy());
    },
  };
  return times === undefined ? executor : profiledExecutor(executor, times);
}

function encode(device: GPUDevice, passes: readonly Pass<Dispatch>[]): GPUCommandBuffer {
  const encoder = device.createCommandEncoder();
  for (const { dispatches, timestampWrites } of passes) {
    const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
    let current: GPUComputePipeline | undefined;
    for (const { pipeline, bindGroup, x, y } of dispatches) {
      if (pipeline !== current) pass.setPipeline(current = pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(x, y);
    }
    pass.end();
  }
  return encoder.finish();
}

/** Times of the nodes by the names of their kernels' variants. */
function openTimes(
  device: GPUDevice,
  programs: readonly Program[],
  dispatches: ReadonlyMap<string, readonly Dispatch[]>,
): Promise<GpuTimes> {
  const nodes = programs.map((program) =>
    [
      program.name,
      dispatches.get(program.name)!.map(({ kernel }, position) => {
        const node = program.nodes[position];
        return { kernel, cost: operation(node.op).cost(node) };
      }),
    ] as const
  );
  return openGpuTimes(device, new Map(nodes));
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

interface Buffers {
  readonly named: ReadonlyMap<string, GPUBuffer>;
  readonly slots: readonly GPUBuffer[];
}

function createBuffers(device: GPUDevice, { buffers, slots }: MemoryPlan): Buffers {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const create = (label: string, length: number) =>
    device.createBuffer({ label, size: 4 * length, usage });
  return {
    named: new Map([...buffers.values()].map(({ name, length }) => [name, create(name, length)])),
    slots: slots.map((length, slot) => create(`slot ${slot}`, length)),
  };
}

function checkSizes({ buffers, slots }: MemoryPlan, limits: GPUSupportedLimits): void {
  const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const parts = [...buffers.values(), ...slots.map((length, i) => ({ name: `slot ${i}`, length }))];
  const large = parts.find(({ length }) => 4 * length > limit);
  if (large !== undefined) {
    throw new DeviceMemoryError(
      `Cannot place "${large.name}" on the WebGPU device: expected at most ${limit} bytes, got ${
        4 * large.length
      }`,
    );
  }
}

function record(
  device: GPUDevice,
  cache: PipelineCache,
  program: Program,
  buffers: Buffers,
  memory: MemoryPlan,
): Dispatch[] {
  const slots = memory.assignments.get(program.name)!;
  return program.nodes.map((node) => {
    const call = operation(node.op).kernel(node);
    const { name: kernel, pipeline, layout, fields } = cache.get(node.op, call);
    const resources: GPUBindingResource[] = [...node.inputs, ...node.outputs]
      .map((tensor) => bindTensor(tensor, buffers, slots));
    checkHazards(node, resources as GPUBufferBinding[]);
    if (fields.length > 0) {
      const params = packParams(fields, call.params ?? {});
      const uniform = device.createBuffer({
        label: `${node.op} params`,
        size: params.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
      device.queue.writeBuffer(uniform, 0, params);
      resources.push({ buffer: uniform });
    }
    const bindGroup = device.createBindGroup({
      label: node.op,
      layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    return {
      kernel,
      pipeline,
      bindGroup,
      x: Math.min(call.workgroups, MAX_WORKGROUPS),
      y: Math.ceil(call.workgroups / MAX_WORKGROUPS),
    };
  });
}

function bindTensor(
  tensor: Tensor,
  buffers: Buffers,
  slots: ReadonlyMap<number, number>,
): GPUBufferBinding {
  const size = 4 * elementCount(tensor.shape);
  return tensor.placement.kind === "activation"
    ? { buffer: buffers.slots[slots.get(tensor.id)!], offset: 0, size }
    : {
      buffer: buffers.named.get(tensor.placement.buffer)!,
      offset: 4 * tensor.placement.offset,
      size,
    };
}

/** WebGPU refuses a buffer bound for reading and for writing in one dispatch, even on disjoint ranges. */
function checkHazards(node: Node, bindings: readonly GPUBufferBinding[]): void {
  const read = new Set(bindings.slice(0, node.inputs.length).map(({ buffer }) => buffer));
  const clash = bindings.slice(node.inputs.length).findIndex(({ buffer }) => read.has(buffer));
  if (clash >= 0) {
    throw new Error(
      `Cannot record ${node.op}: "${
        node.outputs[clash].name
      }" shares a buffer with one of its inputs`,
    );
  }
}

function checkType(name: string, data: BufferData, dtype: DType): void {
  const expected = dtype === "f32" ? "Float32Array" : "Uint32Array";
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

/** Large uploads go in parts with a submit each, so that the staging memory of one is freed before the next. */
function writeInParts(
  device: GPUDevice,
  buffer: GPUBuffer,
  data: BufferData,
  offset: number,
): void {
  const part = 16 * 1024 * 1024;
  for (let start = 0; start < data.length; start += part) {
    const end = Math.min(start + part, data.length);
    device.queue.writeBuffer(
      buffer,
      4 * (offset + start),
      data as BufferSource,
      start,
      end - start,
    );
    if (end - start === part) device.queue.submit([]);
  }
}

async function readBack(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  size: number,
): Promise<ArrayBuffer> {
  const staging = device.createBuffer({
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  try {
    await staging.mapAsync(GPUMapMode.READ);
    return staging.getMappedRange().slice(0);
  } catch (error) {
    throw new DeviceLostError(`Cannot read from the WebGPU device: ${(error as Error).message}`);
  } finally {
    staging.destroy();
  }
}
