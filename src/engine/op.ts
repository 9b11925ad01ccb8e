/**
 * What an operation is: its shape rule, its gradient rule, its cost, its WGSL kernel and its CPU function, side by side in one file of ops/.
 *
 * @module
 */

import {
  activationTensor,
  type Attributes,
  type ComputedDType,
  elementBytes,
  elementCount,
  isCompact,
  type Node,
  type Program,
  type Tensor,
} from "./program.ts";
import type { AttentionFunctions } from "./cpu/attention.ts";
import type { Gemm } from "./cpu/gemm.ts";
import type { MatvecFunctions } from "./cpu/matvec.ts";
import type { Int8Rows } from "./int8.ts";
import type { VectorFunctions } from "./cpu/vector.ts";

/** Shape and element type of a result. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: ComputedDType;
}

/** Work of one run of a node: multiply and add count as two operations; bytes count each tensor read or written once. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
}

/**
 * One dispatch. Bindings: the node's inputs, then its outputs, then the params (a uniform, absent where `params` is empty), unless `bindings` says
 * otherwise.
 */
export interface KernelCall {
  /** The text's file in kernels/, where it is not the operation's name. */
  readonly name?: string;
  /** WGSL text of kernels/NAME.wgsl, shared functions already prepended. */
  readonly source: string;
  /** Optional parts of the text that are kept (`//#if NAME` … `//#endif`). */
  readonly features?: readonly string[];
  /** Override constants. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Values of the WGSL struct `Params`, by field. */
  readonly params?: Readonly<Record<string, number>>;
  /** Workgroups in all; the recorder folds counts above 65,535 into y. */
  readonly workgroups: number;
  /** What is bound before the params: tensors by position (inputs first, then outputs), parts of them, or working memory that lasts until the node ends. */
  readonly bindings?: readonly (number | TensorPart | "scratch")[];
  /** Elements of that working memory. */
  readonly scratch?: number;
  /**
   * Work of a dispatch that prepares or adds up what the node's own kernel reads or leaves, or of one that does more than the operation asks for; otherwise
   * it is the operation's cost.
   */
  readonly cost?: Cost;
}

/** Elements of a node's tensor from `first` on: `length` of them, or all that are left. */
export interface TensorPart {
  readonly tensor: number;
  readonly first: number;
  readonly length?: number;
}

/** Ways to compute an operation on a GPU, of which the device measures the best for each kind of node. */
export interface KernelVariants<A extends Attributes = Attributes> {
  /** What tells nodes apart whose best variants may differ: sizes, layouts, fused parts. */
  kindOf(node: Node<A>): string;
  /** Names of the variants that suit a node; the first is the one to use unmeasured. */
  suiting(node: Node<A>, software: boolean): readonly string[];
}

/** Views of a node's tensors on the CPU by position: inputs first, then outputs. */
export interface CpuArguments {
  f32(position: number): Float32Array;
  u32(position: number): Uint32Array;
  /** Of a weight, which the operation takes by compact types too. */
  weight(position: number): Float32Array | Float16Array | Int8Rows;
}

/** What a CPU function may use besides its arguments. */
export interface CpuContext {
  readonly gemm: Gemm;
  readonly matvec: MatvecFunctions;
  readonly vector: VectorFunctions;
  readonly attention: AttentionFunctions;
  /** The thread's working memory, at least what the operation's `scratch` asks for; the functions above leave anything in it. */
  readonly scratch: Float32Array;
}

/**
 * The CPU side of an operation. Work is cut into `units` that do not depend on each other; a thread takes a contiguous range of them. What a unit
 * computes must not depend on the range it came in, so that results are the same for every number of threads.
 */
export interface CpuFunction {
  units(node: Node): number;
  /** Bytes that a thread reads and writes in a nanosecond, for dealing the units (default: what a loop in TypeScript does). */
  readonly bytesPerNanosecond?: number;
  /** Bytes of working memory that a thread needs (default: what a matrix product does). */
  scratch?(node: Node): number;
  run(node: Node, tensors: CpuArguments, begin: number, end: number, context: CpuContext): void;
}

/** What a gradient rule is given: one gradient per output (absent where nothing flows back) and which inputs need one. */
export interface GradientRequest<A extends Attributes = Attributes> {
  readonly program: Program;
  readonly node: Node<A>;
  readonly outputGradients: readonly (Tensor | undefined)[];
  readonly wanted: readonly boolean[];
}

/** An operation. `A` is the type of its attributes. */
export interface Op<A extends Attributes = Attributes> {
  /** snake_case: the kernel's file, the pipeline's label, the profiler's row. */
  readonly name: string;
  /** How many trailing outputs exist only for the gradient; they are dropped where nothing reads them. */
  readonly saved?: number;
  /** Outputs are read and then overwritten (optimizer state); otherwise they are only written. */
  readonly updates?: boolean;
  /** Positions of inputs that may be weights of a compact type; any other tensor is refused when it is of one. */
  readonly compactInputs?: readonly number[];
  /** The outputs' shapes; throws RangeError when the inputs do not fit each other. */
  infer(inputs: readonly Tensor[], attributes: A): readonly TensorSpec[];
  /** Adds the backward operations; returns one gradient per input, undefined where not wanted. */
  gradient?(request: GradientRequest<A>): readonly (Tensor | undefined)[];
  cost(node: Node<A>): Cost;
  /** The dispatches of a run, in order; of one of the `variants` where there are any. Operations that can take a table by parts bind so many bytes at most. */
  kernel(
    node: Node<A>,
    variant?: string,
    largestBinding?: number,
  ): KernelCall | readonly KernelCall[];
  readonly variants?: KernelVariants<A>;
  readonly cpu: CpuFunction;
}

/** Adds a node and its result tensors to a program. */
export function apply<A extends Attributes>(
  program: Program,
  op: Op<A>,
  inputs: readonly Tensor[],
  attributes: A,
): readonly Tensor[] {
  checkCompact(op, inputs, []);
  const outputs = op.infer(inputs, attributes).map((spec) =>
    activationTensor(program, spec.name, spec.shape, spec.dtype)
  );
  program.nodes.push({ op: op.name, inputs, outputs, attributes });
  return outputs;
}

/** Adds a node whose results go to tensors that exist already (state, or a slice of a packed buffer). */
export function applyTo<A extends Attributes>(
  program: Program,
  op: Op<A>,
  inputs: readonly Tensor[],
  attributes: A,
  outputs: readonly Tensor[],
): void {
  checkCompact(op, inputs, outputs);
  const specs = op.infer(inputs, attributes);
  specs.forEach((spec, i) => expectShape(op.name, outputs[i], spec.shape));
  program.nodes.push({ op: op.name, inputs, outputs, attributes });
}

/** Throws a TypeError for a tensor of a compact type where the operation does not take one. */
export function checkCompact(
  { name, compactInputs = [] }: Pick<Op, "name" | "compactInputs">,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): void {
  const refused = [...inputs.filter((_, i) => !compactInputs.includes(i)), ...outputs]
    .find(({ dtype }) => isCompact(dtype));
  if (refused === undefined) return;
  throw new TypeError(
    `Cannot apply ${name} to "${refused.name}": expected f32 or u32, got ${refused.dtype}`,
  );
}

/** Throws a RangeError unless the tensor has the shape. */
export function expectShape(op: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
    throw new RangeError(
      `Cannot apply ${op} to "${tensor.name}": expected shape [${shape.join(", ")}], got [${
        tensor.shape.join(", ")
      }]`,
    );
  }
}

/** Bytes of a node's tensors, each counted once. */
export function nodeBytes(node: Node): number {
  return [...node.inputs, ...node.outputs]
    .reduce((sum, { shape, dtype }) => sum + elementBytes(dtype) * elementCount(shape), 0);
}
