/** Where everything lies in the CPU device's one shared memory. Addresses count bytes and are multiples of a cache line. @module */

import { DeviceMemoryError } from "../device.ts";
import type { Int8Rows } from "../int8.ts";
import { widthOf } from "../kernel_call.ts";
import type { MemoryPlan } from "../plan.ts";
import {
  type BufferSpec,
  type DType,
  elementBytes,
  elementCount,
  elementsBytes,
  storedBytes,
  type Tensor,
} from "../program.ts";
import { CONTROL_BYTES } from "./control.ts";

/** Addresses of buffers, activation slots and each thread's working memory. */
export interface Layout {
  /** Address of the words through which threads talk. */
  readonly control: number;
  readonly buffers: ReadonlyMap<string, { readonly spec: BufferSpec; readonly address: number }>;
  readonly slots: readonly number[];
  /** Working memory by thread. */
  readonly scratch: readonly { readonly address: number; readonly bytes: number }[];
  /** Per program: slot of each activation, by tensor id. */
  readonly assignments: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Size of the memory, in pages. */
  readonly pages: number;
}

const CACHE_LINE = 64;
const PAGE_BYTES = 65536;
const MAXIMUM_PAGES = 65536;

/**
 * Assigns addresses. Throws DeviceMemoryError when they go beyond what WebAssembly addresses.
 *
 * @param working bytes of working memory by thread, multiples of 4
 */
export function layOut(plan: MemoryPlan, working: readonly number[]): Layout {
  let end = 0;
  const take = (bytes: number): number => {
    const address = end;
    end = Math.ceil((address + bytes) / CACHE_LINE) * CACHE_LINE;
    return address;
  };
  const control = take(CONTROL_BYTES);
  const scratch = working.map((bytes) => ({ address: take(bytes), bytes }));
  const buffers = new Map(
    [...plan.buffers].map(([name, spec]) => [
      name,
      { spec, address: take(storedBytes(spec)) },
    ]),
  );
  const slots = plan.slots.map((length) => take(4 * length));
  const pages = Math.ceil(end / PAGE_BYTES);
  if (pages > MAXIMUM_PAGES) {
    throw new DeviceMemoryError(
      `Cannot place programs in the CPU device's memory: expected at most 4 GiB, got ${
        (end / 2 ** 30).toFixed(1)
      } GiB`,
    );
  }
  const { assignments } = plan;
  return { control, scratch, buffers, slots, assignments, pages };
}

/** A zeroed memory for a layout. Throws DeviceMemoryError when the system does not provide it. */
export function allocate(layout: Layout): WebAssembly.Memory {
  const { pages } = layout;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    const size = (pages * PAGE_BYTES / 2 ** 20).toFixed(0);
    throw new DeviceMemoryError(`Cannot allocate ${size} MiB for the CPU device`, { cause });
  }
}

/** Elements as they lie in the memory. */
export type MemoryView = Float32Array | Uint32Array | Float16Array | Int8Array;

/** Elements of the memory. */
export function viewAt(
  memory: WebAssembly.Memory,
  dtype: DType,
  address: number,
  length: number,
): MemoryView {
  switch (dtype) {
    case "f32":
      return new Float32Array(memory.buffer, address, length);
    case "u32":
      return new Uint32Array(memory.buffer, address, length);
    case "f16":
      return new Float16Array(memory.buffer, address, length);
    case "int8":
      return new Int8Array(memory.buffer, address, length);
    default:
      return dtype satisfies never;
  }
}

/** The scales of an int8 buffer at an address. */
export function scalesAt(
  memory: WebAssembly.Memory,
  address: number,
  length: number,
  width: number,
): Float32Array {
  return new Float32Array(memory.buffer, address + elementsBytes("int8", length), length / width);
}

/** The elements of a tensor. */
export function tensorView(
  memory: WebAssembly.Memory,
  layout: Layout,
  program: string,
  tensor: Tensor,
): Exclude<MemoryView, Int8Array> | Int8Rows {
  const address = tensorAddress(layout, program, tensor);
  const length = elementCount(tensor.shape);
  const values = viewAt(memory, tensor.dtype, address, length);
  return values instanceof Int8Array
    ? { values, scales: scalesAt(memory, address, length, widthOf(tensor)) }
    : values;
}

function tensorAddress(layout: Layout, program: string, tensor: Tensor): number {
  const { placement } = tensor;
  const start = placement.kind === "buffer"
    ? layout.buffers.get(placement.buffer)?.address
    : layout.slots[layout.assignments.get(program)?.get(tensor.id) ?? -1];
  if (start === undefined) {
    throw new RangeError(`Cannot place "${tensor.name}" of program "${program}": it has no memory`);
  }
  return placement.kind === "buffer"
    ? start + elementBytes(tensor.dtype) * placement.offset
    : start;
}
