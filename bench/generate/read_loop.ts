/** A bare loop that reads memory, on several threads: what the memory gives. @module */

import { CONTROL_BYTES, openControl } from "../../src/engine/cpu/control.ts";
import { range } from "../../src/engine/cpu/range.ts";
import { add } from "../../src/engine/cpu/vector_code.ts";
import {
  advance,
  constant,
  defineFunction,
  encodeModule,
  get,
  instruction,
  load,
  loopWhile,
  set,
  store,
  zeros,
} from "../../src/engine/cpu/wasm_module.ts";

/** Vectors that a turn of the loop reads. */
const UNROLLED = 8;
/** Bytes of a turn. */
export const TURN_BYTES: number = 16 * UNROLLED;

/** What a thread is told; plain data. */
export interface ReadSetup {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly threads: number;
  /** Which thread this is; 0 is the calling one. */
  readonly index: number;
  /** Bytes of a thread's part, a multiple of {@linkcode TURN_BYTES}. */
  readonly part: number;
}

/** read(address, bytes, sum): reads `bytes` bytes, and leaves what they sum to at `sum`, so that no compiler leaves them out. */
export function compileReadLoop(): WebAssembly.Module {
  const read = defineFunction("read", ["i32", "i32", "i32"], ([address, bytes, sum], local) => {
    const sums = range(UNROLLED).map(() => local("v128"));
    return [
      ...sums.map((sum) => set(sum, zeros())),
      loopWhile(
        get(bytes),
        ...sums.map((sum, i) => set(sum, add(get(sum), load("v128.load", get(address), 16 * i)))),
        advance(address, constant(TURN_BYTES)),
        set(bytes, instruction("i32.sub", get(bytes), constant(TURN_BYTES))),
      ),
      store("v128.store", get(sum), sums.map(get).reduce(add)),
    ];
  });
  return new WebAssembly.Module(encodeModule([read]));
}

/** A thread's pass over its part of the memory; the parts lie behind the control area and the sums. */
export function readPart({ memory, module, threads, index, part }: ReadSetup): () => void {
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  const { read } = exports as { read(address: number, bytes: number, sum: number): void };
  const sums = CONTROL_BYTES, first = sums + 64 * threads;
  return () => read(first + index * part, part, sums + 64 * index);
}

/** Pages of the memory that all parts take. */
export function readPages({ threads, part }: Pick<ReadSetup, "threads" | "part">): number {
  return Math.ceil((CONTROL_BYTES + threads * (64 + part)) / 65536);
}

/** How threads of a setup meet. */
export function readControl({ memory, threads }: ReadSetup) {
  return openControl(memory, 0, threads);
}
