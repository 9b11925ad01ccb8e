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

/**
 * Element types. f32 for what is computed with, u32 for token ids, labels, masks and seeds; f16 halves the memory of buffers of role `weight`, which are
 * read as f32 and never written during a run.
 */
export type DType = "f32" | "u32" | "f16";

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
}

/** Slices of a packed buffer start at multiples of this many elements (256 bytes, WebGPU's default offset alignment). */
export const SLICE_ALIGNMENT = 64;

/** Starts an empty program; its name is unique among the programs a device loads together. */
export function createProgram(name: string): Program {
  return { name, buffers: new Map(), tensors: [], nodes: [] };
}

/** Bytes of one element. */
export function elementBytes(dtype: DType): 2 | 4 {
  return dtype === "f16" ? 2 : 4;
}

/** Bytes of a number of elements in a device's memory: whole words of 4 bytes. */
export function storedBytes(dtype: DType, length: number): number {
  return Math.ceil(elementBytes(dtype) * length / 4) * 4;
}

/** Product of a shape's sizes; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Declares a buffer. Declaring it again keeps the larger length, and throws TypeError unless type and role agree. TypeError also for halves in another
 * role than `weight`.
 */
export function declareBuffer(program: Program, spec: BufferSpec): void {
  if (spec.dtype === "f16" && spec.role !== "weight") {
    throw new TypeError(
      `Cannot declare buffer "${spec.name}" as f16: expected role weight, got ${spec.role}`,
    );
  }
  const known = program.buffers.get(spec.name);
  program.buffers.set(spec.name, known === undefined ? spec : mergeBuffers(known, spec));
}

/** The buffer that serves two declarations of one name: the larger. TypeError unless type and role agree. */
export function mergeBuffers(first: BufferSpec, second: BufferSpec): BufferSpec {
  if (first.dtype !== second.dtype || first.role !== second.role) {
    throw new TypeError(
      `Cannot share buffer "${first.name}": declared as ${first.dtype} ${first.role} and as ${second.dtype} ${second.role}`,
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
  declareBuffer(program, { name, dtype, role, length: elementCount(shape) });
  return addTensor(program, name, shape, dtype, { kind: "buffer", buffer: name, offset: 0 });
}

/** A tensor over a slice of a declared buffer, from `offset` elements on. RangeError when it does not fit or is not aligned, TypeError for halves. */
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
  if (spec.dtype === "f16") {
    throw new TypeError(`Cannot slice buffer "${buffer}": expected f32 or u32, got f16`);
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
  dtype: Exclude<DType, "f16"> = "f32",
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
