/** Vector code of cross-entropy over many classes, a row at a time. @module */

import { exponential } from "./vector_activations.ts";
import {
  acrossLanes,
  multiply,
  overElements,
  subtract,
  sumOver,
  vectorFunction,
} from "./vector_code.ts";
import { get, instruction, set, storeFirst, type WasmFunction } from "./wasm_module.ts";

/** highest(x, target, count): the largest element, into one. */
export function highestFunction(): WasmFunction {
  return vectorFunction("highest", ["i32", "i32", "i32"], (code, [x, target, count]) => {
    const highest = code.local("v128");
    code.emit(set(highest, code.number(-Infinity)));
    overElements(code, get(count), [get(x)], ({ load }) => {
      code.emit(set(highest, instruction("f32x4.pmax", get(highest), load(0))));
    });
    const all = acrossLanes(code, get(highest), (a, b) => instruction("f32x4.pmax", a, b));
    code.emit(storeFirst(get(target), all));
  });
}

/** exponentialSum(x, target, count, shift): Σ exp(x − shift), into one element. */
export function exponentialSumFunction(fused: boolean): WasmFunction {
  return vectorFunction(
    "exponentialSum",
    ["i32", "i32", "i32", "f32"],
    (code, [x, target, count, shift]) => {
      const subtrahend = code.keep(instruction("f32x4.splat", get(shift)));
      const sum = sumOver(
        code,
        get(count),
        [get(x)],
        ({ load }) => exponential(code, subtract(load(0), subtrahend)),
      );
      code.emit(storeFirst(get(target), sum));
    },
    fused,
  );
}

/** exponentials(x, y, count, shift, factor): y = factor · exp(x − shift). */
export function exponentialsFunction(fused: boolean): WasmFunction {
  return vectorFunction(
    "exponentials",
    ["i32", "i32", "i32", "f32", "f32"],
    (code, [x, y, count, shift, factor]) => {
      const subtrahend = code.keep(instruction("f32x4.splat", get(shift)));
      const scale = code.keep(instruction("f32x4.splat", get(factor)));
      overElements(code, get(count), [get(x), get(y)], ({ load, store }) => {
        store(1, multiply(scale, exponential(code, subtract(load(0), subtrahend))));
      });
    },
    fused,
  );
}
