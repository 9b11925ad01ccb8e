/** The vector functions under test, and unaligned views of one memory between guards that nobody may write. */

import assert from "node:assert/strict";
import type { VectorFunctions } from "../../../src/engine/cpu/vector.ts";
import { vectorModule } from "../../../src/engine/cpu/vector_kernel.ts";
import { plainVector } from "../../../src/engine/cpu/vector_plain.ts";
import { createVector } from "../../../src/engine/cpu/vector_wasm.ts";
import { randomStream } from "../../../src/protocol/random.ts";

/** Memory that all views of {@linkcode createHeap} lie in. */
export const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });

const variants = [[true, "fused"], [false, "separate"]] as const;

/** Registers a test a variant: WebAssembly by its rounding, and plain TypeScript. */
export function onEveryVariant(title: string, body: (vector: VectorFunctions) => void): void {
  for (const [fused, name] of variants) {
    const bytes = vectorModule(fused);
    Deno.test({
      name: `${title} (WebAssembly, ${name})`,
      ignore: !WebAssembly.validate(bytes),
      fn: () => body(createVector(memory, new WebAssembly.Module(bytes))),
    });
  }
  Deno.test(`${title} (plain)`, () => body(plainVector));
}

const GUARD = 12345.5;

/** Hands out views one after another. */
export interface Heap {
  /** A view of normal numbers, or of the given ones. */
  take(values: number | ArrayLike<number>): Float32Array;
  takeWords(values: ArrayLike<number>): Uint32Array;
  /** Throws where a guard was written. */
  check(): void;
}

/** A heap whose first view begins `shift` elements after an address that is a multiple of 16. */
export function createHeap(shift: number): Heap {
  const all = new Float32Array(memory.buffer);
  const random = randomStream(5, "heap", shift);
  const guards: number[] = [];
  let next = 1024;
  const guard = (count: number): void => {
    for (const end = next + count; next < end; next++) {
      all[next] = GUARD;
      guards.push(next);
    }
  };
  const place = (length: number): number => {
    // An odd number of them, so that views fall on all alignments in turn.
    guard(guards.length === 0 ? shift + 4 : 5);
    const start = next;
    next += length;
    guard(4);
    return start;
  };
  return {
    take(values) {
      const length = typeof values === "number" ? values : values.length;
      const view = all.subarray(place(length)).subarray(0, length);
      if (typeof values === "number") {
        for (let i = 0; i < length; i++) view[i] = random.normal();
      } else view.set(values);
      return view;
    },
    takeWords(values) {
      const words = new Uint32Array(memory.buffer, 4 * place(values.length), values.length);
      words.set(values);
      return words;
    },
    check() {
      for (const position of guards) assert.equal(all[position], GUARD, `guard ${position}`);
    },
  };
}

/** The bits of numbers, for comparisons that tell zeros and NaNs apart. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}
