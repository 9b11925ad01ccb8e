/** WebAssembly code of what stands between the products of attention: softmax and its gradient, by rows of scores in a thread's working memory. @module */

import { decay } from "./vector_activations.ts";
import {
  acrossLanes,
  multiply,
  overElements,
  overRows,
  subtract,
  sumOver,
  type VectorCode,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  type Code,
  constant,
  get,
  i32s,
  instruction,
  load,
  type Local,
  set,
  storeFirst,
  type WasmFunction,
} from "./wasm_module.ts";

/** Walks over rows of scores; under a causal mask a row sees one key more than the one before, and what it does not see becomes 0 in `targets`. */
function overScores(
  code: VectorCode,
  [rows, keys, visible, causal]: readonly [Local, Local, Local, Local],
  advances: readonly (readonly [Local, Code])[],
  targets: readonly Local[],
  body: (count: Code) => void,
): void {
  const count = code.local("i32");
  overRows(code, rows, advances, () => {
    const fewer = instruction("i32.lt_u", get(visible), get(keys));
    code.emit(set(count, instruction("select", get(visible), get(keys), fewer)));
    body(get(count));
    const hidden = instruction("i32.sub", get(keys), get(count));
    const start = instruction("i32.mul", get(count), constant(4));
    const addresses = targets.map((target) => instruction("i32.add", get(target), start));
    overElements(code, hidden, addresses, ({ store }) => {
      targets.forEach((_, i) => store(i, code.number(0)));
    });
    code.emit(advance(visible, get(causal)));
  });
}

/**
 * softmaxRows(scores, bias, rows, keys, stride, visible, causal, highest, sums, scale): scores to e^(scale·score + bias − highest), not yet divided by their
 * sum.
 */
export function softmaxRowsFunction(fused: boolean): WasmFunction {
  return vectorFunction(
    "softmaxRows",
    [...i32s(9), "f32"],
    (code, [scores, bias, rows, keys, stride, visible, causal, highest, sums, scale]) => {
      const factor = code.keep(instruction("f32x4.splat", get(scale)));
      const maximum = code.local("v128");
      const larger = (x: Code, y: Code): Code => instruction("f32x4.pmax", x, y);
      const advances = [[scores, get(stride)], [highest, constant(4)], [
        sums,
        constant(4),
      ]] as const;
      overScores(code, [rows, keys, visible, causal], advances, [scores], (count) => {
        // Finite, so that a row of −∞ alone gives e^−∞ and not NaN.
        code.emit(set(maximum, code.number(-1e30)));
        overElements(code, count, [get(scores), get(bias)], ({ load }) => {
          code.emit(set(maximum, larger(get(maximum), code.multiplyAdd(load(0), factor, load(1)))));
        });
        const top = acrossLanes(code, get(maximum), larger);
        const sum = sumOver(code, count, [get(scores), get(bias)], ({ load, store }) => {
          const x = code.keep(subtract(code.multiplyAdd(load(0), factor, load(1)), top));
          const e = decay(code, x);
          store(0, e);
          return e;
        });
        code.emit(storeFirst(get(highest), top));
        code.emit(storeFirst(get(sums), sum));
      });
    },
    fused,
  );
}

/**
 * gradientRows(scores, dp, bias, rows, keys, stride, visible, causal, logSumExp, scale): scores to p = e^(scale·score + bias − logSumExp), and dp to
 * scale·p·(dp − Σ p·dp).
 */
export function gradientRowsFunction(fused: boolean): WasmFunction {
  return vectorFunction(
    "gradientRows",
    [...i32s(9), "f32"],
    (code, [scores, dp, bias, rows, keys, stride, visible, causal, logSumExp, scale]) => {
      const factor = code.keep(instruction("f32x4.splat", get(scale)));
      const advances = [
        [scores, get(stride)],
        [dp, get(stride)],
        [logSumExp, constant(4)],
      ] as const;
      overScores(code, [rows, keys, visible, causal], advances, [scores, dp], (count) => {
        const total = code.keep(load("v128.load32_splat", get(logSumExp)));
        const mean = sumOver(code, count, [get(scores), get(bias), get(dp)], ({ load, store }) => {
          const x = code.keep(subtract(code.multiplyAdd(load(0), factor, load(1)), total));
          const p = decay(code, x);
          store(0, p);
          return multiply(p, load(2));
        });
        overElements(code, count, [get(scores), get(dp)], ({ load, store }) => {
          store(1, multiply(load(0), subtract(load(1), mean), factor));
        });
      });
    },
    fused,
  );
}
