/** The module of attention's WebAssembly code. @module */

import {
  COLUMN_TILE_ROWS,
  columnTileFunction,
  multiplyFunction,
  rowTileFunction,
  TILE_ROWS,
  transposeFunction,
} from "./attention_products.ts";
import { gradientRowsFunction, softmaxRowsFunction } from "./attention_softmax.ts";
import { multiply, overElements, overRows, vectorFunction } from "./vector_code.ts";
import {
  constant,
  copyMemory,
  encodeModule,
  get,
  i32s,
  load,
  type WasmFunction,
} from "./wasm_module.ts";

/** What the module exports; parameters stand with each function's code. Addresses and strides count bytes. */
export type AttentionExports = Record<
  | "multiplyRows"
  | "multiplyColumns"
  | "transpose"
  | "softmaxRows"
  | "gradientRows"
  | "copyRows"
  | "scaleRows",
  (...values: number[]) => void
>;

/** Bytes of the module; products are summed in one rounding a step where `fused`, which not every runtime validates, or in two. */
export function attentionModule(fused: boolean): Uint8Array<ArrayBuffer> {
  return encodeModule([
    rowTileFunction("tile by rows", fused),
    columnTileFunction("tile by columns", fused),
    multiplyFunction("multiplyRows", 0, TILE_ROWS),
    multiplyFunction("multiplyColumns", 1, COLUMN_TILE_ROWS),
    transposeFunction(),
    softmaxRowsFunction(fused),
    gradientRowsFunction(fused),
    copyRowsFunction(),
    scaleRowsFunction(),
  ]);
}

/** copyRows(target, source, rows, bytes, targetStride, sourceStride): `bytes` of each row. */
function copyRowsFunction(): WasmFunction {
  return vectorFunction(
    "copyRows",
    i32s(6),
    (code, [target, source, rows, bytes, targetStride, sourceStride]) => {
      overRows(code, rows, [[target, get(targetStride)], [source, get(sourceStride)]], () => {
        code.emit(copyMemory(get(target), get(source), get(bytes)));
      });
    },
  );
}

/** scaleRows(target, source, rows, width, targetStride, sourceStride, factors): each row times its factor. */
function scaleRowsFunction(): WasmFunction {
  return vectorFunction(
    "scaleRows",
    i32s(7),
    (code, [target, source, rows, width, targetStride, sourceStride, factors]) => {
      const advances = [[target, get(targetStride)], [source, get(sourceStride)]] as const;
      overRows(code, rows, [...advances, [factors, constant(4)]], () => {
        const factor = code.keep(load("v128.load32_splat", get(factors)));
        overElements(code, get(width), [get(target), get(source)], ({ load, store }) => {
          store(0, multiply(load(1), factor));
        });
      });
    },
  );
}
