/** The module of attention's WebAssembly code. @module */

import {
  fusedMultiplyAdd,
  type MultiplyAdd,
  multiplyFunction,
  separateMultiplyAdd,
  tileFunction,
  transposeFunction,
} from "./attention_products.ts";
import { gradientRowsFunction, softmaxRowsFunction } from "./attention_softmax.ts";
import { multiply, overElements, overRows, sumOver, vectorFunction } from "./vector_code.ts";
import {
  constant,
  encodeModule,
  get,
  load,
  storeFirst,
  type ValueType,
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
  | "dotRows",
  (...values: number[]) => void
>;

/** Modules from the best to the one that every runtime with WebAssembly SIMD validates: products are summed in one rounding a step, or in two. */
export function attentionModules(): Uint8Array<ArrayBuffer>[] {
  return [fusedMultiplyAdd, separateMultiplyAdd].map(attentionModule);
}

function attentionModule(multiplyAdd: MultiplyAdd): Uint8Array<ArrayBuffer> {
  return encodeModule([
    tileFunction("tile of rows", multiplyAdd, false),
    tileFunction("tile of columns", multiplyAdd, true),
    multiplyFunction("multiplyRows", 0),
    multiplyFunction("multiplyColumns", 1),
    transposeFunction(),
    softmaxRowsFunction(multiplyAdd),
    gradientRowsFunction(multiplyAdd),
    copyRowsFunction(),
    dotRowsFunction(),
  ]);
}

const i32s = (count: number): ValueType[] => new Array<ValueType>(count).fill("i32");

/** copyRows(target, source, rows, width, targetStride, sourceStride, factors, factorStride): each row times its factor. */
function copyRowsFunction(): WasmFunction {
  return vectorFunction(
    "copyRows",
    i32s(8),
    (code, [target, source, rows, width, targetStride, sourceStride, factors, factorStride]) => {
      const advances = [[target, get(targetStride)], [source, get(sourceStride)]] as const;
      overRows(code, rows, [...advances, [factors, get(factorStride)]], () => {
        const factor = code.keep(load("v128.load32_splat", get(factors)));
        overElements(code, get(width), [get(target), get(source)], ({ load, store }) => {
          store(0, multiply(load(1), factor));
        });
      });
    },
  );
}

/** dotRows(x, y, result, rows, width, stride): Σ x·y of each row. */
function dotRowsFunction(): WasmFunction {
  return vectorFunction("dotRows", i32s(6), (code, [x, y, result, rows, width, stride]) => {
    overRows(code, rows, [[x, get(stride)], [y, get(stride)], [result, constant(4)]], () => {
      const terms = [get(x), get(y)];
      const sum = sumOver(code, get(width), terms, ({ load }) => multiply(load(0), load(1)));
      code.emit(storeFirst(get(result), sum));
    });
  });
}
