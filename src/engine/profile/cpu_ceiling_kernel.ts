/**
 * The bare loops of a processor's ceiling: multiply-adds on registers alone, and a = b + ½·c over vectors (the "triad" of McCalpin's STREAM).
 *
 * @module
 */

import { multiplyAdd } from "../cpu/vector_code.ts";
import {
  advance,
  type Code,
  compileBest,
  constant,
  defineFunction,
  encodeModule,
  get,
  instruction,
  lanes,
  load,
  loopWhile,
  set,
  store,
  type WasmFunction,
} from "../cpu/wasm_module.ts";

/** Sums that do not wait for one another: two instructions a cycle, each of four cycles, want eight; with their operand twelve leave few registers over. */
const SUMS = 12;
/** Steps a turn of a loop. */
const UNROLLED = 4;

/** ½ as float32 bits. */
const HALF_BITS = 0x3f000000;

/** Floating-point operations of a turn. */
export const FLOPS_PER_TURN: number = 2 * 4 * SUMS * UNROLLED;
/** Bytes of each vector that a turn of the triad takes. */
export const TRIAD_BYTES: number = 16 * UNROLLED;

/** The loops. Addresses count bytes. */
export interface CeilingLoops {
  /** `turns` turns of sum = sum · x + x, with x the vector at `operands`; what comes out goes 16 bytes behind it. */
  multiplyAdd(operands: number, turns: number): void;
  /** a = b + ½·c over `bytes` bytes of each, a multiple of {@linkcode TRIAD_BYTES}. */
  triad(a: number, b: number, c: number, bytes: number): void;
}

/** The loops as a module, with fused multiply-adds where the runtime has them; undefined where it has no WebAssembly SIMD. */
export function compileCeilingLoops(): WebAssembly.Module | undefined {
  return compileBest((fused) => encodeModule([multiplyAddFunction(fused), triadFunction()]));
}

/** The loops over a memory. */
export function openCeilingLoops(
  memory: WebAssembly.Memory,
  module: WebAssembly.Module | undefined,
): CeilingLoops {
  if (module === undefined) return plainLoops(memory);
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  return exports as unknown as CeilingLoops;
}

function multiplyAddFunction(fused: boolean): WasmFunction {
  return defineFunction("multiplyAdd", ["i32", "i32"], ([operands, turns], local) => {
    const sums = Array.from({ length: SUMS }, () => local("v128"));
    const x = local("v128");
    const step = sums.map((sum) => set(sum, multiplyAdd(fused, get(sum), get(x), get(x))));
    return [
      // Read from memory, so that no compiler knows what comes out.
      set(x, load("v128.load", get(operands))),
      ...sums.map((sum) => set(sum, get(x))),
      loopWhile(
        get(turns),
        ...Array.from({ length: UNROLLED }, () => step).flat(),
        advance(turns, constant(-1)),
      ),
      store(
        "v128.store",
        get(operands),
        sums.map(get).reduce((sum, other) => instruction("f32x4.add", sum, other)),
        16,
      ),
    ];
  });
}

function triadFunction(): WasmFunction {
  return defineFunction("triad", ["i32", "i32", "i32", "i32"], ([a, b, c, bytes], local) => {
    const half = local("v128");
    const one = (step: number): Code => {
      const term = instruction(
        "f32x4.mul",
        load("v128.load", get(c), 16 * step),
        get(half),
      );
      const sum = instruction("f32x4.add", load("v128.load", get(b), 16 * step), term);
      return store("v128.store", get(a), sum, 16 * step);
    };
    return [
      set(half, lanes(new Uint32Array(4).fill(HALF_BITS))),
      loopWhile(
        get(bytes),
        ...Array.from({ length: UNROLLED }, (_, step) => one(step)),
        ...[a, b, c].map((pointer) => advance(pointer, constant(TRIAD_BYTES))),
        advance(bytes, constant(-TRIAD_BYTES)),
      ),
    ];
  });
}

/** The same work in TypeScript, for runtimes without WebAssembly SIMD: what the CPU device has there too. */
function plainLoops(memory: WebAssembly.Memory): CeilingLoops {
  const values = new Float32Array(memory.buffer);
  return {
    multiplyAdd(operands, turns) {
      const x = values[operands / 4];
      let [s0, s1, s2, s3] = [x, x, x, x];
      for (let step = 0; step < turns * FLOPS_PER_TURN / 8; step++) {
        s0 = s0 * x + x;
        s1 = s1 * x + x;
        s2 = s2 * x + x;
        s3 = s3 * x + x;
      }
      values[operands / 4 + 4] = s0 + s1 + s2 + s3;
    },
    triad(a, b, c, bytes) {
      for (let i = 0; i < bytes / 4; i++) {
        values[a / 4 + i] = values[b / 4 + i] + 0.5 * values[c / 4 + i];
      }
    },
  };
}
