/**
 * Memory planning: activations whose lifetimes do not overlap share a slot; slots are sized for the largest program of a run.
 *
 * @module
 */

import {
  type BufferRole,
  type BufferSpec,
  elementCount,
  mergeBuffers,
  type Program,
  storedBytes,
  type Tensor,
} from "./program.ts";

/** Where the activations of the programs of a run go. */
export interface MemoryPlan {
  /** Buffers by name, merged over the programs. */
  readonly buffers: ReadonlyMap<string, BufferSpec>;
  /** Elements of each slot. */
  readonly slots: readonly number[];
  /** Per program: slot of each activation tensor, by tensor id. */
  readonly assignments: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

/** Plans memory for programs that share one pool. */
export function planMemory(programs: readonly Program[]): MemoryPlan {
  const buffers = new Map<string, BufferSpec>();
  const slots: number[] = [];
  const assignments = new Map<string, ReadonlyMap<number, number>>();
  for (const program of programs) {
    if (assignments.has(program.name)) {
      throw new RangeError(
        `Cannot load two programs named "${program.name}": expected unique names`,
      );
    }
    for (const spec of program.buffers.values()) {
      const known = buffers.get(spec.name);
      buffers.set(spec.name, known === undefined ? spec : mergeBuffers(known, spec));
    }
    const { sizes, slotOf } = planProgram(program);
    // Largest with largest, so that the pool is as small as its largest program allows.
    sizes.forEach((size, slot) => slots[slot] = Math.max(slots[slot] ?? 0, size));
    assignments.set(program.name, slotOf);
  }
  return { buffers, slots, assignments };
}

/** Bytes that a plan takes, by what they are for: buffers by role, and the slots of activations. Devices add working memory of their own. */
export function plannedBytes(
  { buffers, slots }: MemoryPlan,
): Record<BufferRole | "activation", number> {
  const bytes = { input: 0, weight: 0, state: 0, output: 0, activation: 0 };
  for (const spec of buffers.values()) bytes[spec.role] += storedBytes(spec);
  for (const length of slots) bytes.activation += 4 * length;
  return bytes;
}

/** When a tensor's memory is taken: positions of its first and last node. */
interface Lifetime {
  readonly tensor: Tensor;
  readonly first: number;
  last: number;
}

/**
 * Greedy by size (Pisarchyk and Lee 2020, arXiv 2001.03288): the largest tensor first, each in the smallest slot that is free all its life. Slots never grow, and
 * come out largest first; on models their sum lies a few percent above what lives at once.
 */
function planProgram(program: Program): { sizes: number[]; slotOf: Map<number, number> } {
  const sizes: number[] = [];
  const taken: Lifetime[][] = [];
  const slotOf = new Map<number, number>();
  const bySize = lifetimes(program).sort((x, y) =>
    elementCount(y.tensor.shape) - elementCount(x.tensor.shape)
  );
  for (const lifetime of bySize) {
    let slot = taken.findLastIndex((others) =>
      others.every(({ first, last }) => last < lifetime.first || lifetime.last < first)
    );
    if (slot < 0) {
      slot = sizes.push(elementCount(lifetime.tensor.shape)) - 1;
      taken.push([]);
    }
    taken[slot].push(lifetime);
    slotOf.set(lifetime.tensor.id, slot);
  }
  return { sizes, slotOf };
}

/** Lifetimes of the activations, in the order of their first nodes. */
function lifetimes(program: Program): Lifetime[] {
  const found = new Map<number, Lifetime>();
  program.nodes.forEach((node, position) => {
    for (const tensor of node.outputs) {
      if (tensor.placement.kind !== "activation" || found.has(tensor.id)) continue;
      found.set(tensor.id, { tensor, first: position, last: position });
    }
    for (const tensor of [...node.inputs, ...node.outputs]) {
      if (tensor.placement.kind !== "activation") continue;
      const lifetime = found.get(tensor.id);
      if (lifetime === undefined) {
        throw new Error(
          `Cannot plan program "${program.name}": "${tensor.name}" is read before it is computed`,
        );
      }
      lifetime.last = position;
    }
  });
  return [...found.values()];
}
