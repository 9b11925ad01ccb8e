/** WebAssembly code of what stands between the products of attention: softmax and its gradient, by rows of scores in a thread's working memory. @module */

import type { MultiplyAdd } from "./attention_products.ts";
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
  instruction,
  load,
  type Local,
  set,
  storeFirst,
  type ValueType,
  type WasmFunction,
} from "./wasm_module.ts";

const i32s = (count: number): ValueType[] => new Array<ValueType>(count).fill("i32");

/** e^x is 0 below: what is left out is less than 1e-37 of a row's largest weight. */
const LOWEST_EXPONENT = -86;
/** Adding 1.5·2²³ leaves a number's nearest whole number in the low bits of the sum. */
const ROUNDING = 12582912;
const MANTISSA_BITS = 23;
/** −ln 2 in two parts, of which the first has few enough bits that its products with whole numbers up to 2¹⁰ are exact. */
const LN2 = [-0.693359375, 2.12194440e-4];
/** e^r on |r| ≤ ln 2 / 2, by Taylor, from the constant up. */
const EXP_SERIES = [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720];

/** e^x for x that is no more than a rounding above 0, with a relative error of about 2e-7; 0 for −∞, and NaN stays NaN. */
function weight({ keep, number }: VectorCode, multiplyAdd: MultiplyAdd, x: Code): Code {
  const shifted = keep(multiplyAdd(x, number(Math.LOG2E), number(ROUNDING)));
  const whole = keep(subtract(shifted, number(ROUNDING)));
  const r = keep(LN2.reduce((rest, part) => multiplyAdd(whole, number(part), rest), x));
  const power = EXP_SERIES.slice(0, -1).reduceRight(
    (sum, coefficient) => multiplyAdd(sum, r, number(coefficient)),
    number(EXP_SERIES[EXP_SERIES.length - 1]),
  );
  const exponent = instruction("i32x4.shl", shifted, constant(MANTISSA_BITS));
  const small = instruction("f32x4.lt", x, number(LOWEST_EXPONENT));
  return keep(instruction("v128.andnot", instruction("i32x4.add", power, exponent), small));
}

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
export function softmaxRowsFunction(multiplyAdd: MultiplyAdd): WasmFunction {
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
          code.emit(set(maximum, larger(get(maximum), multiplyAdd(load(0), factor, load(1)))));
        });
        const top = acrossLanes(code, get(maximum), larger);
        const sum = sumOver(code, count, [get(scores), get(bias)], ({ load, store }) => {
          const x = code.keep(subtract(multiplyAdd(load(0), factor, load(1)), top));
          const e = weight(code, multiplyAdd, x);
          store(0, e);
          return e;
        });
        code.emit(storeFirst(get(highest), top));
        code.emit(storeFirst(get(sums), sum));
      });
    },
  );
}

/**
 * gradientRows(scores, dp, bias, rows, keys, stride, visible, causal, logSumExp, scale): scores to p = e^(scale·score + bias − logSumExp), and dp to
 * scale·p·(dp − Σ p·dp).
 */
export function gradientRowsFunction(multiplyAdd: MultiplyAdd): WasmFunction {
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
          const x = code.keep(subtract(multiplyAdd(load(0), factor, load(1)), total));
          const p = weight(code, multiplyAdd, x);
          store(0, p);
          return multiply(p, load(2));
        });
        overElements(code, count, [get(scores), get(dp)], ({ load, store }) => {
          store(1, multiply(load(0), subtract(load(1), mean), factor));
        });
      });
    },
  );
}
