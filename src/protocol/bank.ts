/**
 * The adapter bank: the shared LoRA adapter as rank-1 components, the unit that a federation exchanges.
 *
 * Component i of a module is the pair (a_i, b_i), row i of A and column i of B; the module's update is ΔW = s·Σ_i b_i a_iᵀ with
 * s = α / r of the server's rank r on every client, whatever part of the components it holds. Index i means the same component on every
 * party for the whole run: components are never sorted or re-numbered.
 *
 * @module
 */

import type { MergedBase } from "./merged_base.ts";
import { randomStream } from "./random.ts";

/** A named float tensor, row-major. */
export interface NamedTensor {
  /** Full name, as in the Hugging Face model. */
  readonly name: string;
  /** Row-major shape. */
  readonly shape: readonly number[];
  /** The numbers, as many as the shape has cells. */
  readonly data: Float32Array;
}

/** A linear layer that carries an adapter. */
export interface ModuleShape {
  /** Full module path in the Hugging Face model, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  /** Width of the layer's input. */
  readonly inFeatures: number;
  /** Width of the layer's output. */
  readonly outFeatures: number;
}

/** The adapter of one module. */
export interface ModuleComponents extends ModuleShape {
  /** [r, inFeatures]: row i is a_i. */
  readonly a: Float32Array;
  /** [outFeatures, r]: column i is b_i. */
  readonly b: Float32Array;
}

/** What all parties of a run know of its adapter before any number is sent. An {@linkcode AdapterBank} is one. */
export interface AdapterLayout {
  /** The server's rank r: components per module. */
  readonly rank: number;
  /** The adapted modules, in the run's order. */
  readonly modules: readonly ModuleShape[];
  /** The head's tensors, in the run's order. */
  readonly head: readonly Pick<NamedTensor, "name" | "shape">[];
}

/** One number for each of a bank's. */
export interface BankMoment {
  /** Per module, A [r, inFeatures] and B [outFeatures, r]. */
  readonly modules: readonly { readonly a: Float32Array; readonly b: Float32Array }[];
  /** Per tensor of the head. */
  readonly head: readonly Float32Array[];
}

/**
 * What a server's optimizer remembers between rounds (server_optimizer.ts); it never leaves the server. In float32, as the bank itself: a round's
 * rounding is far below what sampling clients does to Δ, and half the size counts where a checkpoint is written every round.
 */
export interface ServerMoments {
  /** m. */
  readonly first: BankMoment;
  /** v; of `adam` alone. */
  readonly second?: BankMoment;
}

/** The server's adapter, with what it knows of each component. */
export interface AdapterBank {
  /** Components per module, r. */
  readonly rank: number;
  /** α; the scale s = α / r is the same on every tier. */
  readonly alpha: number;
  /** The adapted modules. */
  readonly modules: readonly ModuleComponents[];
  /** The classification head, trained by everyone. */
  readonly head: readonly NamedTensor[];
  /** Per module [r]: importance S_i of each component. */
  readonly scores: readonly Float64Array[];
  /** Per module [r]: 1 once any client trained the component. */
  readonly trained: readonly Uint8Array[];
  /** What the server's optimizer remembers; absent before the first round and without one. It goes to no client. */
  readonly moments?: ServerMoments | undefined;
  /** What was merged into the base weights, on top of which the components stand; absent where nothing is. */
  readonly merged?: MergedBase | undefined;
}

/** What {@linkcode createBank} needs. */
export interface BankSettings {
  /** The layers to adapt; their names are unique. */
  readonly modules: readonly ModuleShape[];
  /** Components per module, r ≥ 1. */
  readonly rank: number;
  /** α > 0; the scale is α / r. */
  readonly alpha: number;
  /** The run's seed. */
  readonly seed: number;
  /** The initial head; copied. */
  readonly head: readonly NamedTensor[];
}

/**
 * A fresh adapter, as PEFT starts one: A Kaiming-uniform with a = √5, which is U(−1/√in, 1/√in), and B zero, so that ΔW = 0.
 *
 * Each module draws from a stream of its own name: neither the order nor the choice of the other modules changes its A.
 *
 * @throws {RangeError} when a size, the rank or α is not positive, or two modules share a name.
 *
 * @example
 * ```ts
 * import { createBank } from "./bank.ts";
 * const modules = [{ name: "layers.0.q_proj", inFeatures: 4, outFeatures: 6 }];
 * const bank = createBank({ modules, rank: 2, alpha: 4, seed: 1, head: [] });
 * if (bank.modules[0].a.length !== 2 * 4 || bank.modules[0].b.length !== 6 * 2) throw new Error("unreachable");
 * ```
 */
export function createBank({ modules, rank, alpha, seed, head }: BankSettings): AdapterBank {
  if (!isPositiveWhole(rank)) {
    throw new RangeError(`Cannot create a bank: expected a whole rank of at least 1, got ${rank}`);
  }
  if (!(alpha > 0 && Number.isFinite(alpha))) {
    throw new RangeError(`Cannot create a bank: expected a finite alpha above 0, got ${alpha}`);
  }
  if (new Set(modules.map(({ name }) => name)).size !== modules.length) {
    throw new RangeError("Cannot create a bank: expected unique module names");
  }
  return {
    rank,
    alpha,
    modules: modules.map((module) => freshComponents(module, rank, seed)),
    head: head.map(cloneTensor),
    scores: modules.map(() => new Float64Array(rank)),
    trained: modules.map(() => new Uint8Array(rank)),
  };
}

/** The factor s = α / r of ΔW = s·B·A; r is the server's rank, so every tier scales alike. */
export function scale(bank: Pick<AdapterBank, "rank" | "alpha">): number {
  return bank.alpha / bank.rank;
}

/**
 * A module's fresh components, as {@linkcode createBank} starts each.
 *
 * @param occasion what tells later draws for the same module from that of the run's start.
 *
 * @throws {RangeError} when a size is not positive.
 */
export function freshComponents(
  { name, inFeatures, outFeatures }: ModuleShape,
  rank: number,
  seed: number,
  ...occasion: readonly (string | number)[]
): ModuleComponents {
  if (!isPositiveWhole(inFeatures) || !isPositiveWhole(outFeatures)) {
    throw new RangeError(
      `Cannot adapt "${name}": expected whole sizes of at least 1, got ${inFeatures} in and ${outFeatures} out`,
    );
  }
  const stream = randomStream(seed, "adapter", name, ...occasion);
  const bound = 1 / Math.sqrt(inFeatures);
  const a = new Float32Array(rank * inFeatures);
  for (let i = 0; i < a.length; i++) a[i] = (2 * stream.uniform() - 1) * bound;
  return { name, inFeatures, outFeatures, a, b: new Float32Array(outFeatures * rank) };
}

function cloneTensor({ name, shape, data }: NamedTensor): NamedTensor {
  return { name, shape: [...shape], data: data.slice() };
}

function isPositiveWhole(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 1;
}
