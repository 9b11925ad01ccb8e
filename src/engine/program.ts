/**
 * Static programs: a fixed list of operations over tensors of fixed shape, built once per (model, B, T).
 *
 * A **buffer** is memory that outlives a run of the program (inputs, weights, adapter, optimizer state); it is known by its name, so that
 * several programs of one run share it. A **tensor** is a shape over a buffer (at an offset) or over memory that the planner assigns (an activation).
 * A **node** applies one operation. Everything here is plain data: a program can be cloned to a worker or printed.
 *
 * This file does not compute, differentiate or allocate: see gradients.ts, plan.ts and the two devices.
 *
 * @module
 */

/** Element types of what is computed: f32, and u32 for token ids, labels, masks and seeds. */
export type ComputedDType = "f32" | "u32";

/**
 * Element types that save memory, for buffers of role `weight` alone, which are read as f32 and never written during a run: f16 halves it; int8 takes a byte
 * an element and one f32 scale a row (the last axis), which stand behind the elements.
 */
export type CompactDType = "f16" | "int8";

/** Element types. */
export type DType = ComputedDType | CompactDType;

/** What a buffer is for; a device may place or convert weights as it likes, all else is written during a run. */
export type BufferRole = "input" | "weight" | "state" | "output";

/** Memory that outlives a run of a program. */
export interface BufferSpec {
  /** Known by it to the host and to every program that shares the buffer. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType;
  /** Who writes it, and when. */
  readonly role: BufferRole;
  /** Elements. */
  readonly length: number;
  /** Elements of a row, which share a scale; of int8 buffers, and of no others. */
  readonly width?: number;
}

/** Where a tensor lives; `offset` counts elements and is a multiple of {@linkcode SLICE_ALIGNMENT}. */
export type Placement =
  | { readonly kind: "buffer"; readonly buffer: string; readonly offset: number }
  | { readonly kind: "activation" };

/** A dense row-major array of fixed shape. */
export interface Tensor {
  /** Its place in the program's `tensors`, counted from 0. */
  readonly id: number;
  /** For errors and for people who read a program; need not be unique. */
  readonly name: string;
  /** Sizes of its axes, each at least 1. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  /** Where its elements lie; {@linkcode keepAs} moves an activation into a buffer. */
  placement: Placement;
}

/** Settings of one node that are known when the program is built. */
export type Attributes = { readonly [name: string]: number | string | boolean };

/** One operation of a program. Outputs are overwritten unless the operation says that it updates them. */
export interface Node<A extends Attributes = Attributes> {
  /** The operation's name in the registry. */
  readonly op: string;
  /** Tensors it reads, in the operation's order. */
  readonly inputs: readonly Tensor[];
  /** Tensors it writes, in the operation's order. */
  readonly outputs: readonly Tensor[];
  /** The operation's settings for this node. */
  readonly attributes: A;
}

/** A program under construction, or finished: data, in execution order. */
export interface Program {
  /** Unique among the programs a device loads together. */
  readonly name: string;
  /** Declared buffers by name. */
  readonly buffers: Map<string, BufferSpec>;
  /** All tensors; a tensor's id is its place here. */
  readonly tensors: Tensor[];
  /** The operations, in execution order. */
  nodes: Node[];
  /** What enters each layer, and what leaves the last one, in the order of the layers: see recompute.ts. */
  readonly boundaries: Tensor[];
}

/** Slices of a packed buffer start at multiples of this many elements (256 bytes, WebGPU's default offset alignment). */
export const SLICE_ALIGNMENT = 64;

/** Starts an empty program; its name is unique among the programs a device loads together. */
export function createProgram(name: string): Program {
  return { name, buffers: new Map(), tensors: [], nodes: [], boundaries: [] };
}

/** Whether it is one that only weights have. */
export function isCompact(dtype: DType): dtype is CompactDType {
  return dtype === "f16" || dtype === "int8";
}

/** Bytes of one element, without int8's share of a scale. */
export function elementBytes(dtype: DType): 1 | 2 | 4 {
  switch (dtype) {
    case "f32":
    case "u32":
      return 4;
    case "f16":
      return 2;
    case "int8":
      return 1;
  }
}

/** Bytes of a number of elements in a device's memory: whole words of 4 bytes. The scales of int8 come after them. */
export function elementsBytes(dtype: DType, length: number): number {
  return Math.ceil(elementBytes(dtype) * length / 4) * 4;
}

/** What decides on how much memory a buffer takes. */
export type Extent = Pick<BufferSpec, "dtype" | "length" | "width">;

/** The extent of a tensor with a buffer of its own. */
export function extentOf(dtype: DType, shape: readonly number[]): Extent {
  const length = elementCount(shape);
  return dtype === "int8" ? { dtype, length, width: shape[shape.length - 1] } : { dtype, length };
}

/** Bytes of a buffer in a device's memory, all in all. */
export function storedBytes({ dtype, length, width }: Extent): number {
  return elementsBytes(dtype, length) + (width === undefined ? 0 : 4 * length / width);
}

/** Product of a shape's sizes; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Declares a buffer. Declaring it again keeps the larger length, and throws TypeError unless type and role agree, and for int8 the size too. TypeError also for a
 * compact type in another role than `weight`.
 */
export function declareBuffer(program: Program, spec: BufferSpec): void {
  if (isCompact(spec.dtype) && spec.role !== "weight") {
    throw new TypeError(
      `Cannot declare buffer "${spec.name}" as ${spec.dtype}: expected role weight, got ${spec.role}`,
    );
  }
  if ((spec.dtype === "int8") !== (spec.width !== undefined)) {
    throw new TypeError(
      `Cannot declare buffer "${spec.name}" as ${spec.dtype}: expected a width for int8 alone, got ${spec.width}`,
    );
  }
  const known = program.buffers.get(spec.name);
  program.buffers.set(spec.name, known === undefined ? spec : mergeBuffers(known, spec));
}

/** The buffer that serves two declarations of one name: the larger. TypeError unless type and role agree, and for int8 the size. */
export function mergeBuffers(first: BufferSpec, second: BufferSpec): BufferSpec {
  if (first.dtype !== second.dtype || first.role !== second.role) {
    throw new TypeError(
      `Cannot share buffer "${first.name}": declared as ${first.dtype} ${first.role} and as ${second.dtype} ${second.role}`,
    );
  }
  if (
    first.width !== second.width || (first.width !== undefined && first.length !== second.length)
  ) {
    throw new TypeError(
      `Cannot share buffer "${first.name}": declared as ${first.length} elements in rows of ${first.width} and as ${second.length} in rows of ${second.width}`,
    );
  }
  return first.length >= second.length ? first : second;
}

/** A tensor that covers a buffer of its own, named like it. RangeError when a size is not a whole number of at least 1. */
export function bufferTensor(
  program: Program,
  role: BufferRole,
  name: string,
  shape: readonly number[],
  dtype: DType = "f32",
): Tensor {
  declareBuffer(program, { name, role, ...extentOf(dtype, shape) });
  return addTensor(program, name, shape, dtype, { kind: "buffer", buffer: name, offset: 0 });
}

/** A tensor over a slice of a declared buffer, from `offset` elements on. RangeError when it does not fit or is not aligned, TypeError for a compact type. */
export function sliceTensor(
  program: Program,
  buffer: string,
  name: string,
  shape: readonly number[],
  offset: number,
): Tensor {
  const spec = program.buffers.get(buffer);
  if (spec === undefined) {
    throw new RangeError(`Cannot slice buffer "${buffer}": it is not declared`);
  }
  if (isCompact(spec.dtype)) {
    throw new TypeError(`Cannot slice buffer "${buffer}": expected f32 or u32, got ${spec.dtype}`);
  }
  const end = offset + elementCount(shape);
  if (offset < 0 || offset % SLICE_ALIGNMENT !== 0 || end > spec.length) {
    throw new RangeError(
      `Cannot slice buffer "${buffer}" at [${offset}, ${end}): expected a multiple of ${SLICE_ALIGNMENT} and an end of at most ${spec.length}`,
    );
  }
  return addTensor(program, name, shape, spec.dtype, { kind: "buffer", buffer, offset });
}

/** A tensor without memory yet: the planner assigns it. RangeError when a size is not a whole number of at least 1. */
export function activationTensor(
  program: Program,
  name: string,
  shape: readonly number[],
  dtype: ComputedDType = "f32",
): Tensor {
  return addTensor(program, name, shape, dtype, { kind: "activation" });
}

/** Keeps a computed tensor after the run, in an output buffer that can be read by name. TypeError when it already lives in a buffer. */
export function keepAs(program: Program, tensor: Tensor, name: string): void {
  if (tensor.placement.kind !== "activation") {
    throw new TypeError(
      `Cannot keep "${tensor.name}" as "${name}": it already lives in buffer "${tensor.placement.buffer}"`,
    );
  }
  declareBuffer(program, {
    name,
    dtype: tensor.dtype,
    role: "output",
    length: elementCount(tensor.shape),
  });
  tensor.placement = { kind: "buffer", buffer: name, offset: 0 };
}

function addTensor(
  program: Program,
  name: string,
  shape: readonly number[],
  dtype: DType,
  placement: Placement,
): Tensor {
  if (shape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new RangeError(
      `Cannot create tensor "${name}": expected sizes of at least 1, got [${shape.join(", ")}]`,
    );
  }
  const tensor: Tensor = { id: program.tensors.length, name, shape: [...shape], dtype, placement };
  program.tensors.push(tensor);
  return tensor;
}
