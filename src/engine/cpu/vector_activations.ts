/** Vector code of the exponential and of the activation functions. @module */

import type { ActivationKind } from "../ops/activation_functions.ts";
import { add, divide, multiply, polynomial, subtract, type VectorCode } from "./vector_code.ts";
import { type Code, constant, instruction } from "./wasm_module.ts";

/** Beyond these e^x is 0 or infinite in float32. */
const LOWEST_EXPONENT = -104;
const HIGHEST_EXPONENT = 89;

/** Adding 1.5·2²³ leaves a number's nearest whole number in the low bits of the sum. */
const ROUNDING = 12582912;
const ROUNDING_BITS = 0x4b400000;
const ONE_BITS = 0x3f800000;
const MANTISSA_BITS = 23;

/** ln 2 in two parts, of which the first has few enough bits that its products with whole numbers up to 2¹⁰ are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;

/** (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2; coefficients from Cephes' expf. */
const EXP_SERIES = [
  5.0000001201e-1,
  1.6666665459e-1,
  4.1665795894e-2,
  8.3334519073e-3,
  1.3981999507e-3,
  1.9875691500e-4,
];

/**
 * e^x with a relative error below 2e-7, rounded correctly into the subnormal numbers: x = k·ln 2 + r, and 2^k in two factors, because one alone would
 * need an exponent that float32 lacks. NaN stays NaN.
 */
export function exponential(code: VectorCode, x: Code): Code {
  const { keep, number, bits } = code;
  // x first: these give their first operand where either is NaN.
  const above = instruction("f32x4.pmax", x, number(LOWEST_EXPONENT));
  const clamped = keep(instruction("f32x4.pmin", above, number(HIGHEST_EXPONENT)));
  const { shifted, power } = reduced(code, clamped);
  const k = keep(instruction("i32x4.sub", shifted, bits(ROUNDING_BITS)));
  const half = keep(instruction("i32x4.shr_s", k, constant(1)));
  const twoTo = (exponent: Code): Code =>
    instruction(
      "i32x4.add",
      instruction("i32x4.shl", exponent, constant(MANTISSA_BITS)),
      bits(ONE_BITS),
    );
  return keep(multiply(power, twoTo(half), twoTo(instruction("i32x4.sub", k, half))));
}

/** x = k·ln 2 + r: k in the low bits of `shifted`, and e^r. */
function reduced(
  code: VectorCode,
  x: Code,
): { readonly shifted: Code; readonly power: Code } {
  const { keep, number, multiplyAdd } = code;
  const shifted = keep(multiplyAdd(x, number(Math.LOG2E), number(ROUNDING)));
  const whole = keep(subtract(shifted, number(ROUNDING)));
  const coarse = multiplyAdd(whole, number(-LN2_HIGH), x);
  const r = keep(multiplyAdd(whole, number(-LN2_LOW), coarse));
  const series = polynomial(code, r, EXP_SERIES);
  return { shifted, power: add(multiplyAdd(series, multiply(r, r), r), number(1)) };
}

/** Below, {@linkcode decay} is 0. */
const LOWEST_DECAY = -87;

/** e^x for x that is no more than a rounding above 0, with a relative error below 2e-7, and 0 where it would be subnormal. NaN stays NaN. */
export function decay(code: VectorCode, x: Code): Code {
  const { shifted, power } = reduced(code, x);
  const exponent = instruction("i32x4.shl", shifted, constant(MANTISSA_BITS));
  const small = instruction("f32x4.lt", x, code.number(LOWEST_DECAY));
  return code.keep(
    instruction("v128.andnot", instruction("i32x4.add", power, exponent), small),
  );
}

/** f(x) and f'(x); what they share is computed once. */
interface Activation {
  value(): Code;
  derivative(): Code;
}

/** The function of a kind at x, by the formulas of kernels/lib/activation.wgsl. */
export function activationAt(code: VectorCode, kind: ActivationKind, x: Code): Activation {
  switch (kind) {
    case "gelu":
      return gelu(code, x);
    case "gelu_tanh":
      return geluTanh(code, x);
    case "tanh":
      return tanh(code, x);
    case "relu":
      return relu(code, x);
    case "silu":
      return silu(code, x);
    default:
      return kind satisfies never;
  }
}

/** Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7: erf(u) = 1 − t·Σ·e^(−u²), t = 1 / (1 + p·u), for u ≥ 0. */
const ERF_P = 0.3275911;
const ERF_SERIES = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];

/** x·Φ(x). The tail of Φ, (1 − erf(|x|/√2)) / 2, is used as it is below 0, where 1 + erf would cancel. */
function gelu(code: VectorCode, x: Code): Activation {
  const { keep, number, bits, multiplyAdd } = code;
  const magnitude = instruction("v128.and", x, bits(0x7fffffff));
  const t = keep(
    divide(number(1), multiplyAdd(magnitude, number(ERF_P * Math.SQRT1_2), number(1))),
  );
  const density = decay(code, keep(multiply(x, x, number(-0.5))));
  const halved = ERF_SERIES.map((coefficient) => coefficient / 2);
  const tail = keep(multiply(polynomial(code, t, halved), t, density));
  const below = instruction("f32x4.lt", x, number(0));
  const distribution = keep(
    instruction("v128.bitselect", tail, subtract(number(1), tail), below),
  );
  return {
    value: () => multiply(x, distribution),
    derivative: () => multiplyAdd(multiply(x, number(0.3989422804)), density, distribution),
  };
}

/** With 1 + tanh(u) = 2σ(2u), GELU's approximation is x·σ(x·(c0 + c1·x²)). */
function geluTanh(code: VectorCode, x: Code): Activation {
  const c0 = 2 * 0.7978845608, c1 = c0 * 0.044715;
  const square = code.keep(multiply(x, x));
  const { value, complement } = sigmoid(code, multiply(x, polynomial(code, square, [c0, c1])));
  return {
    value: () => multiply(x, value),
    derivative: () => {
      const inner = polynomial(code, square, [c0, 3 * c1]);
      return add(value, multiply(x, multiply(value, complement(), inner)));
    },
  };
}

/** (e − 1) / (e + 1), e = exp(2x): 1 in float32 from 10 on. */
function tanh(code: VectorCode, x: Code): Activation {
  const { keep, number } = code;
  const above = instruction("f32x4.pmax", x, number(-10));
  const clamped = instruction("f32x4.pmin", above, number(10));
  const e = exponential(code, multiply(clamped, number(2)));
  const value = keep(divide(subtract(e, number(1)), add(e, number(1))));
  return {
    value: () => value,
    derivative: () => subtract(number(1), multiply(value, value)),
  };
}

function relu({ number }: VectorCode, x: Code): Activation {
  return {
    value: () => instruction("f32x4.pmax", x, number(0)),
    derivative: () => instruction("v128.and", instruction("f32x4.gt", x, number(0)), number(1)),
  };
}

function silu(code: VectorCode, x: Code): Activation {
  const { value, complement } = sigmoid(code, x);
  return {
    value: () => multiply(x, value),
    derivative: () => multiply(value, add(code.number(1), multiply(x, complement()))),
  };
}

/** σ(x) = 1 / (1 + e) with e = e^(−x), and 1 − σ(x) = e·σ(x), which does not cancel; e stays finite there, because σ may be 0. */
function sigmoid(
  code: VectorCode,
  x: Code,
): { readonly value: Code; complement(): Code } {
  const { keep, number } = code;
  const e = exponential(code, subtract(number(0), x));
  const value = keep(divide(number(1), add(number(1), e)));
  return { value, complement: () => multiply(instruction("f32x4.pmin", e, number(1e30)), value) };
}
