/**
 * Memory planning: activations whose lifetimes do not overlap share a slot; slots are sized for the largest program of a run.
 *
 * @module
 */

import { type BufferSpec, elementCount, mergeBuffers, type Program } from "./program.ts";

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
    const plan = planProgram(program);
    // Largest with largest, so that the pool is as small as its largest program allows.
    const order = plan.sizes.map((_, slot) => slot).sort((x, y) => plan.sizes[y] - plan.sizes[x]);
    const rank = new Map(order.map((slot, position) => [slot, position]));
    order.forEach((slot, position) => {
      slots[position] = Math.max(slots[position] ?? 0, plan.sizes[slot]);
    });
    assignments.set(
      program.name,
      new Map([...plan.slotOf].map(([tensor, slot]) => [tensor, rank.get(slot)!])),
    );
  }
  return { buffers, slots, assignments };
}

/** Best fit over the free slots; a slot that is too small grows rather than a new one being opened. */
function planProgram(program: Program): { sizes: number[]; slotOf: Map<number, number> } {
  const lastUse = new Map<number, number>();
  program.nodes.forEach((node, position) => {
    for (const tensor of [...node.inputs, ...node.outputs]) lastUse.set(tensor.id, position);
  });
  const sizes: number[] = [];
  const free = new Set<number>();
  const slotOf = new Map<number, number>();
  program.nodes.forEach((node, position) => {
    for (const tensor of node.outputs) {
      if (tensor.placement.kind !== "activation" || slotOf.has(tensor.id)) continue;
      const size = elementCount(tensor.shape);
      const slot = chooseSlot(sizes, free, size);
      free.delete(slot);
      sizes[slot] = Math.max(sizes[slot] ?? 0, size);
      slotOf.set(tensor.id, slot);
    }
    for (const tensor of [...node.inputs, ...node.outputs]) {
      const slot = slotOf.get(tensor.id);
      if (slot !== undefined && lastUse.get(tensor.id) === position) free.add(slot);
      if (slot === undefined && tensor.placement.kind === "activation") {
        throw new Error(
          `Cannot plan program "${program.name}": "${tensor.name}" is read before it is computed`,
        );
      }
    }
  });
  return { sizes, slotOf };
}

function chooseSlot(sizes: readonly number[], free: ReadonlySet<number>, size: number): number {
  let fitting: number | undefined;
  let largest: number | undefined;
  for (const slot of free) {
    if (sizes[slot] >= size && (fitting === undefined || sizes[slot] < sizes[fitting])) {
      fitting = slot;
    }
    if (largest === undefined || sizes[slot] > sizes[largest]) largest = slot;
  }
  return fitting ?? largest ?? sizes.length;
}
