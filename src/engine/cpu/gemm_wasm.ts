/** Matrix products by WebAssembly SIMD on the device's shared memory: cuts a product into blocks that fit the caches. @module */

import type { Gemm } from "./gemm.ts";
import {
  type GemmExports,
  gemmModule,
  type MultiplyAdd,
  SPILL_BYTES,
  TILE_COLUMNS,
  TILE_ROWS,
} from "./gemm_kernel.ts";

/** Steps of k per block: a panel of A and one of B (14 KiB together) fit the first cache. */
const BLOCK_STEPS = 256;
/** Rows of A packed at a time (120 KiB). */
const BLOCK_ROWS = 20 * TILE_ROWS;
/** Columns of B packed at a time (512 KiB). */
const BLOCK_COLUMNS = 64 * TILE_COLUMNS;

const B_BYTES = 4 * BLOCK_STEPS * BLOCK_COLUMNS;
const A_BYTES = 4 * BLOCK_STEPS * BLOCK_ROWS;

/** Bytes of working memory that one thread's products need. */
export const GEMM_SCRATCH_BYTES: number = B_BYTES + A_BYTES + SPILL_BYTES;

/** A module for {@linkcode createGemm}, and how it rounds here: results differ between machines of which one fuses and one does not. */
export interface CompiledGemm {
  readonly module: WebAssembly.Module;
  readonly multiplyAdd: MultiplyAdd;
}

/** The best module this runtime validates; undefined where it has no WebAssembly SIMD. */
export function compileGemm(): CompiledGemm | undefined {
  for (const multiplyAdd of ["fused", "separate"] as const) {
    const bytes = gemmModule(multiplyAdd);
    if (!WebAssembly.validate(bytes)) continue;
    const module = new WebAssembly.Module(bytes);
    return { module, multiplyAdd: isFused(module) ? "fused" : "separate" };
  }
  return undefined;
}

/** Computes x² − round(x²) for x = 1 + 2⁻¹²: 2⁻²⁴ with one rounding, 0 with two. A processor without the fused instruction may do either. */
function isFused(module: WebAssembly.Module): boolean {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { multiply } = instantiate(memory, module);
  const values = new Float32Array(memory.buffer);
  const [a, b, c, spill] = [0, 256, 512, 768];
  const x = 1 + 2 ** -12;
  values[a / 4] = -Math.fround(x * x);
  values[b / 4] = 1;
  values[a / 4 + TILE_ROWS] = x;
  values[b / 4 + TILE_COLUMNS] = x;
  multiply(a, b, c, 1, 1, 2, 4, 1, 0, spill);
  return values[c / 4] !== 0;
}

function instantiate(memory: WebAssembly.Memory, module: WebAssembly.Module): GemmExports {
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  return exports as unknown as GemmExports;
}

/**
 * A product routine over views of `memory`.
 *
 * Sums run over k in blocks of fixed size: within a block from zero in order of k, then block after block into C.
 *
 * @param memory The device's shared memory
 * @param scratch Address of {@linkcode GEMM_SCRATCH_BYTES} bytes that no other thread uses, a multiple of 16
 */
export function createGemm(
  memory: WebAssembly.Memory,
  scratch: number,
  module: WebAssembly.Module,
): Gemm {
  const { packRows, packColumns, multiply } = instantiate(memory, module);
  const buffer = memory.buffer;
  const bPacked = scratch;
  const aPacked = scratch + B_BYTES;
  const spill = aPacked + A_BYTES;

  const address = (name: string, view: Float32Array, offset: number): number => {
    if (view.buffer !== buffer) {
      throw new TypeError(`Cannot multiply: ${name} does not lie in the device's memory`);
    }
    return view.byteOffset + 4 * offset;
  };

  return (call) => {
    const { n, k, rowBegin, rowEnd, alpha } = call;
    const a = address("A", call.a, call.aOffset);
    const b = address("B", call.b, call.bOffset);
    const c = address("C", call.c, call.cOffset);
    const aRow = 4 * call.aRow;
    const aColumn = 4 * call.aColumn;
    const bRow = 4 * call.bRow;
    const bColumn = 4 * call.bColumn;
    const cRow = 4 * call.cRow;
    for (let column = 0; column < n; column += BLOCK_COLUMNS) {
      const columns = Math.min(BLOCK_COLUMNS, n - column);
      for (let step = 0; step < k; step += BLOCK_STEPS) {
        const steps = Math.min(BLOCK_STEPS, k - step);
        const accumulate = call.accumulate || step > 0 ? 1 : 0;
        packColumns(bPacked, b + column * bColumn + step * bRow, columns, steps, bColumn, bRow);
        for (let row = rowBegin; row < rowEnd; row += BLOCK_ROWS) {
          const rows = Math.min(BLOCK_ROWS, rowEnd - row);
          packRows(aPacked, a + row * aRow + step * aColumn, rows, steps, aRow, aColumn);
          const target = c + row * cRow + 4 * column;
          multiply(
            aPacked,
            bPacked,
            target,
            rows,
            columns,
            steps,
            cRow,
            alpha,
            accumulate,
            spill,
          );
        }
      }
    }
  };
}
