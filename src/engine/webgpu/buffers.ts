/** The buffers of loaded programs, and how the host writes and reads them. @module */

import { type BufferData, DeviceLostError, DeviceMemoryError } from "../device.ts";
import { unpackHalves } from "../half.ts";
import { dequantize } from "../int8.ts";
import type { MemoryPlan } from "../plan.ts";
import { elementBytes, elementsBytes, extentOf, storedBytes, type Tensor } from "../program.ts";

/** What the programs of an executor share. */
export interface Buffers {
  /** Buffers that outlive a run, by name. */
  readonly named: ReadonlyMap<string, GPUBuffer>;
  /** Slots of the activations. */
  readonly slots: readonly GPUBuffer[];
}

/**
 * Creates them, zeroed.
 *
 * @throws DeviceMemoryError when the device has not so much memory.
 */
export async function createBuffers(
  device: StorageDevice,
  { buffers, slots }: MemoryPlan,
): Promise<Buffers> {
  const specs = [...buffers.values()];
  const created = await createStorage(device, [
    ...specs.map((spec) => ({ label: spec.name, size: storedBytes(spec) })),
    ...slots.map((length, slot) => ({ label: `slot ${slot}`, size: 4 * length })),
  ]);
  return {
    named: new Map(specs.map(({ name }, i) => [name, created[i]])),
    slots: created.slice(specs.length),
  };
}

/**
 * Working memory of so many elements; undefined for none.
 *
 * @throws DeviceMemoryError when the device has not so much memory.
 */
export async function createScratch(
  device: StorageDevice,
  elements: number,
): Promise<GPUBuffer | undefined> {
  if (elements === 0) return undefined;
  const [scratch] = await createStorage(device, [{ label: "scratch", size: 4 * elements }]);
  return scratch;
}

/** What is used of a device here. */
type StorageDevice = Pick<GPUDevice, "createBuffer" | "pushErrorScope" | "popErrorScope">;

/** Buffers that kernels read and write. Unless it is asked so, a device reports too little memory as it reports its failures. */
async function createStorage(
  device: StorageDevice,
  wanted: readonly { readonly label: string; readonly size: number }[],
): Promise<GPUBuffer[]> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  device.pushErrorScope("out-of-memory");
  const created = wanted.map(({ label, size }) => device.createBuffer({ label, size, usage }));
  if (await device.popErrorScope() === null) return created;
  created.forEach((buffer) => buffer.destroy());
  const mebibytes = wanted.reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
  throw new DeviceMemoryError(
    `Cannot allocate ${
      mebibytes.toFixed(0)
    } MiB on the WebGPU device: it has not so much memory left`,
  );
}

/**
 * Checks what can be checked before programs are recorded: weights may be bound by parts.
 *
 * @throws DeviceMemoryError for a buffer that is larger than the limits.
 */
export function checkSizes(
  { buffers, slots }: MemoryPlan,
  { maxBufferSize }: Pick<GPUSupportedLimits, "maxBufferSize">,
  largestBinding: number,
): void {
  const largestWhole = Math.min(largestBinding, maxBufferSize);
  for (const spec of buffers.values()) {
    const limit = spec.role === "weight" ? maxBufferSize : largestWhole;
    checkSize(spec.name, storedBytes(spec), limit);
  }
  slots.forEach((length, i) => checkSize(`slot ${i}`, 4 * length, largestWhole));
}

/** @throws DeviceMemoryError when there are more bytes than the limit. */
export function checkSize(name: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new DeviceMemoryError(
    `Cannot place "${name}" on the WebGPU device: expected at most ${limit} bytes, got ${bytes}`,
  );
}

/** Where a tensor lies, as a dispatch binds it; `slots` of the tensor's program, by tensor id. */
export function bindTensor(
  tensor: Tensor,
  buffers: Buffers,
  slots: ReadonlyMap<number, number>,
): GPUBufferBinding {
  const size = storedBytes(extentOf(tensor.dtype, tensor.shape));
  return tensor.placement.kind === "activation"
    ? { buffer: buffers.slots[slots.get(tensor.id)!], offset: 0, size }
    : {
      buffer: buffers.named.get(tensor.placement.buffer)!,
      offset: elementBytes(tensor.dtype) * tensor.placement.offset,
      size,
    };
}

/** Reads halves as floats. */
export async function readHalves(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  length: number,
): Promise<Float32Array> {
  const start = 4 * Math.floor(offset / 2);
  const end = 4 * Math.ceil((offset + length) / 2);
  const bytes = await readBack(device, buffer, start, end - start);
  return unpackHalves(bytes, 2 * offset - start, length);
}

/** Reads bytes with scales as floats; `total` elements in rows of `width`. */
export async function readInt8(
  device: GPUDevice,
  buffer: GPUBuffer,
  total: number,
  width: number,
  offset: number,
  length: number,
): Promise<Float32Array> {
  const start = 4 * Math.floor(offset / 4);
  const end = 4 * Math.ceil((offset + length) / 4);
  const firstRow = Math.floor(offset / width);
  const rows = Math.ceil((offset + length) / width) - firstRow;
  const scales = elementsBytes("int8", total) + 4 * firstRow;
  const [bytes, factors] = await Promise.all([
    readBack(device, buffer, start, end - start),
    readBack(device, buffer, scales, 4 * rows),
  ]);
  const values = new Int8Array(bytes, offset - start, length);
  return dequantize(values, new Float32Array(factors), width, offset - firstRow * width);
}

/** Copies numbers into a buffer, from element `offset` on. */
export type Upload = (buffer: GPUBuffer, data: BufferData, offset: number) => void;

/** Elements that are uploaded between two submits. */
const UPLOAD_LENGTH = 4 * 1024 * 1024;

/**
 * Uploads to a device. What is written lies in staging memory until it is submitted: a model's weights would be there once more, if large ones did not go in
 * parts, and small ones together, with a submit each.
 */
export function createUpload({ queue }: Pick<GPUDevice, "queue">): Upload {
  let waiting = 0;
  return (buffer, data, offset) => {
    for (let start = 0; start < data.length;) {
      const length = Math.min(UPLOAD_LENGTH - waiting, data.length - start);
      queue.writeBuffer(buffer, 4 * (offset + start), data as BufferSource, start, length);
      start += length;
      waiting += length;
      if (waiting < UPLOAD_LENGTH) continue;
      queue.submit([]);
      waiting = 0;
    }
  };
}

/** Copies bytes from a buffer. */
export async function readBack(
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
