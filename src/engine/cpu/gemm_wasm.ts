/** Matrix products by WebAssembly SIMD: blocks of the operands are packed into a thread's own working memory, then multiplied. @module */

import { type Gemm, GEMM_COLUMNS, type GemmCall } from "./gemm.ts";
import { type GemmExports, gemmModule, SPILL_BYTES } from "./gemm_kernel.ts";
import { type MultiplyAdd, TILE_COLUMNS, TILE_ROWS } from "./gemm_tile.ts";
import { compileBest } from "./wasm_module.ts";

/** Steps of k at a time: a panel of A and two of B (33 KiB together) fit the first cache. */
export const BLOCK_STEPS = 400;
/** Rows of A packed at a time (312 KiB). */
export const BLOCK_ROWS: number = 40 * TILE_ROWS;
/** Blocks of steps that B is packed for at once: C is gone through as often less. */
const BLOCKS_AT_ONCE = 3;
/** Columns of B packed at a time are as many as fit into this: half of a second cache of 2 MiB. */
const B_BYTES = 2 ** 20;
const A_BYTES = 4 * BLOCK_STEPS * BLOCK_ROWS;

/** Bytes of working memory that one thread's products need. */
export const GEMM_SCRATCH_BYTES: number = B_BYTES + A_BYTES + SPILL_BYTES + 4;

/** A module for {@linkcode createGemm}, and how it rounds here: results differ between machines of which one fuses and one does not. */
export interface CompiledGemm {
  readonly module: WebAssembly.Module;
  readonly multiplyAdd: MultiplyAdd;
}

/** The best module this runtime validates; undefined where it has no WebAssembly SIMD. */
export function compileGemm(): CompiledGemm | undefined {
  const module = compileBest((fused) => gemmModule(fused ? "fused" : "separate"));
  return module && { module, multiplyAdd: isFused(module) ? "fused" : "separate" };
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
  multiply(a, b, 0, c, 4, c, 4, 1, 1, 2, 1, 0, spill);
  return values[c / 4] !== 0;
}

function instantiate(memory: WebAssembly.Memory, module: WebAssembly.Module): GemmExports {
  const { exports } = new WebAssembly.Instance(module, { engine: { memory } });
  return exports as unknown as GemmExports;
}

/** Cuts `total` into equal parts, multiples of `unit` of at most `limit`, itself such a multiple: the size of a part. */
function evenly(total: number, limit: number, unit: number): number {
  const parts = Math.ceil(total / limit);
  return Math.ceil(total / parts / unit) * unit;
}

/** A product by addresses, in bytes, with its steps [begin, end) of the axis that is summed over. */
interface Operands {
  readonly a: number;
  readonly aRow: number;
  readonly aColumn: number;
  readonly b: number;
  readonly bRow: number;
  readonly bColumn: number;
  /** Of B's elements: 4 floats, 2 halves, 1 whole numbers with scales. */
  readonly bBytes: number;
  readonly scales: { readonly start: number; readonly along: "columns" | "steps" } | undefined;
  readonly factor: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * A product routine over views of `memory`.
 *
 * Sums run over k in blocks of fixed size: within a block from zero in order of k, then block after block into C. A bias is a last step of k, of factor 1.
 *
 * @param memory The device's shared memory
 * @param scratch Address of {@linkcode GEMM_SCRATCH_BYTES} bytes that no other thread uses, a multiple of 16
 */
export function createGemm(
  memory: WebAssembly.Memory,
  scratch: number,
  module: WebAssembly.Module,
): Gemm {
  const exports = instantiate(memory, module);
  const { packRows, packColumns, packHalfColumns, packByteColumns, multiply } = exports;
  const buffer = memory.buffer;
  const bPacked = scratch;
  const aPacked = bPacked + B_BYTES;
  const spill = aPacked + A_BYTES;
  const one = spill + SPILL_BYTES;
  const oneView = new Float32Array(buffer, one, 1);

  const address = (
    name: string,
    view: Float32Array | Float16Array | Int8Array,
    offset: number,
  ): number => {
    if (view.buffer !== buffer) {
      throw new TypeError(`Cannot multiply: ${name} does not lie in the device's memory`);
    }
    return view.byteOffset + view.BYTES_PER_ELEMENT * offset;
  };
  const operandsOf = ({ products, bias }: GemmCall): Operands[] => {
    let end = 0;
    const operands = products.map((product): Operands => ({
      a: address("A", product.a, product.aOffset),
      aRow: 4 * product.aRow,
      aColumn: 4 * product.aColumn,
      b: address("B", product.b, product.bOffset),
      bRow: product.b.BYTES_PER_ELEMENT * product.bRow,
      bColumn: product.b.BYTES_PER_ELEMENT * product.bColumn,
      bBytes: product.b.BYTES_PER_ELEMENT,
      scales: product.bScales && {
        start: address("B's scales", product.bScales.view, product.bScales.offset),
        along: product.bScales.along,
      },
      factor: product.factor,
      begin: end,
      end: end += product.k,
    }));
    if (bias === undefined) return operands;
    // Each time: other operations of the thread have their working memory here too.
    oneView[0] = 1;
    const ones = { a: one, aRow: 0, aColumn: 0, factor: 1, begin: end, end: end + 1 };
    const b = address("the bias", bias.view, bias.offset);
    return [...operands, { ...ones, b, bRow: 0, bColumn: 4, bBytes: 4, scales: undefined }];
  };
  /** Packs `steps` steps from `step` on of `rows` rows from `row` on. */
  const packA = (
    operands: readonly Operands[],
    row: number,
    rows: number,
    step: number,
    steps: number,
  ): void => {
    for (const { a, aRow, aColumn, begin, end } of operands) {
      const from = Math.max(step, begin), to = Math.min(step + steps, end);
      if (from >= to) continue;
      const place = aPacked + 4 * TILE_ROWS * (from - step);
      const source = a + row * aRow + (from - begin) * aColumn;
      packRows(place, source, rows, to - from, aRow, aColumn, 4 * TILE_ROWS * steps);
    }
  };
  const packOf = (bBytes: number) =>
    bBytes === 4 ? packColumns : bBytes === 2 ? packHalfColumns : packByteColumns;
  /** Multiplies packed columns by factors of their own, of which the one of the first stands at `factors`. */
  const scaleColumns = (
    place: number,
    columns: number,
    steps: number,
    panelBytes: number,
    factors: number,
  ): void => {
    const whole = Math.floor(columns / TILE_COLUMNS);
    exports.scaleColumns(place, whole, steps, panelBytes, factors);
    const rest = columns - whole * TILE_COLUMNS;
    if (rest === 0) return;
    const last = new Float32Array(buffer, factors + 4 * whole * TILE_COLUMNS, rest);
    new Float32Array(buffer, spill, rest).set(last);
    exports.scaleColumns(place + whole * panelBytes, 1, steps, panelBytes, spill);
  };
  /** Likewise columns, to `target`; where `scalesAll`, multiplied by their factors. */
  const packB = (
    operands: readonly Operands[],
    scalesAll: boolean,
    target: number,
    column: number,
    columns: number,
    step: number,
    steps: number,
  ): void => {
    const panelBytes = 4 * TILE_COLUMNS * steps;
    const panels = Math.ceil(columns / TILE_COLUMNS);
    for (const { b, bRow, bColumn, bBytes, scales, factor, begin, end } of operands) {
      const from = Math.max(step, begin), to = Math.min(step + steps, end);
      if (from >= to) continue;
      const place = target + 4 * TILE_COLUMNS * (from - step);
      const source = b + column * bColumn + (from - begin) * bRow;
      packOf(bBytes)(place, source, columns, to - from, bColumn, bRow, panelBytes);
      if (scales?.along === "columns") {
        scaleColumns(place, columns, to - from, panelBytes, scales.start + 4 * column);
      } else if (scales !== undefined) {
        const first = scales.start + 4 * (from - begin);
        exports.scaleSteps(place, panels, to - from, panelBytes, first);
      }
      if (scalesAll && factor !== 1) {
        exports.scalePanels(place, panels, to - from, panelBytes, factor);
      }
    }
  };

  return (call) => {
    const { n, rowBegin, rowEnd, addend } = call;
    const operands = operandsOf(call);
    const k = operands[operands.length - 1].end;
    // A single factor is applied to the sums, several to what they are of.
    const scalesAll = operands.length > 1;
    const alpha = scalesAll ? 1 : operands[0].factor;
    const c = { start: address("C", call.c, call.cOffset), row: 4 * call.cRow };
    const added = addend &&
      { start: address("the addend", addend.view, addend.offset), row: 4 * addend.row };
    const block = evenly(k, BLOCK_STEPS, 8);
    const deep = Math.min(BLOCKS_AT_ONCE * block, k);
    // A limit in the unit of the parts, so that rounding these up does not pass it.
    const widest = Math.floor(B_BYTES / (4 * deep * GEMM_COLUMNS)) * GEMM_COLUMNS;
    const width = evenly(n, widest, GEMM_COLUMNS);
    const height = evenly(rowEnd - rowBegin, BLOCK_ROWS, TILE_ROWS);
    for (let column = 0; column < n; column += width) {
      const columns = Math.min(width, n - column);
      const blockBytes = 4 * Math.ceil(columns / TILE_COLUMNS) * TILE_COLUMNS * block;
      for (let first = 0; first < k; first += deep) {
        const last = Math.min(first + deep, k);
        for (let step = first, b = bPacked; step < last; step += block, b += blockBytes) {
          packB(operands, scalesAll, b, column, columns, step, Math.min(block, last - step));
        }
        for (let row = rowBegin; row < rowEnd; row += height) {
          const rows = Math.min(height, rowEnd - row);
          for (let step = first, b = bPacked; step < last; step += block, b += blockBytes) {
            const steps = Math.min(block, last - step);
            const source = step > 0 ? c : added;
            packA(operands, row, rows, step, steps);
            multiply(
              aPacked,
              b,
              4 * TILE_COLUMNS * steps,
              c.start + row * c.row + 4 * column,
              c.row,
              source ? source.start + row * source.row + 4 * column : 0,
              source ? source.row : 0,
              rows,
              columns,
              steps,
              alpha,
              source ? 1 : 0,
              spill,
            );
          }
        }
      }
    }
  };
}
