import { linear, linearBackward, type LinearShape } from "./linear.ts";
import { mapNumbers, type Numbers, requireLength } from "./numbers.ts";

/** A linear layer's shape and the adapter's rank. */
export interface LoraLinearShape extends LinearShape {
  readonly r: number;
}

/** Operands of a linear layer with a low-rank adapter. */
export interface LoraLinearInputs {
  /** [N, K] */
  readonly x: Numbers;
  /** Base weight [M, K] */
  readonly w0: Numbers;
  /** [M] */
  readonly bias?: Numbers;
  /** [r, K] */
  readonly a: Numbers;
  /** [M, r] */
  readonly b: Numbers;
  /** Which components take part in the forward pass: [r] of 0 or 1 */
  readonly mask: Numbers;
  /** Scale α/r */
  readonly s: number;
}

/** Gradients of a linear layer with a low-rank adapter. */
export interface LoraLinearGradients {
  /** [N, K] */
  readonly dx: Float64Array;
  /** [r, K] */
  readonly da: Float64Array;
  /** [M, r] */
  readonly db: Float64Array;
  /** Of the base weight, [M, K] */
  readonly dw: Float64Array;
  /** [M] */
  readonly dbias: Float64Array;
}

/**
 * x·W0ᵀ + bias + s·((x·Aᵀ)∘mask)·Bᵀ → [N, M] (LoRA, Hu et al. 2021, with a component mask).
 */
export function loraLinear(inputs: LoraLinearInputs, shape: LoraLinearShape): Float64Array {
  const { N, M, r } = shape;
  const base = linear(inputs.x, inputs.w0, inputs.bias, shape);
  const up = linear(maskedDown(inputs, shape), inputs.b, undefined, { N, K: r, M });
  return mapNumbers(base, (y, i) => y + inputs.s * up[i]);
}

/**
 * Gradients of {@link loraLinear} for dY [N, M]. A masked component gets zeros in `da` and `db`.
 */
export function loraLinearBackward(
  dY: Numbers,
  inputs: LoraLinearInputs,
  shape: LoraLinearShape,
): LoraLinearGradients {
  const { N, K, M, r } = shape;
  const { x, w0, a, b, mask, s } = inputs;
  const base = linearBackward(dY, x, w0, shape);
  const scaled = mapNumbers(dY, (g) => s * g);
  const up = linearBackward(scaled, maskedDown(inputs, shape), b, { N, K: r, M });
  const dDown = mapNumbers(up.dx, (g, i) => mask[i % r] ? g : 0);
  const down = linearBackward(dDown, x, a, { N, K, M: r });
  return {
    dx: mapNumbers(base.dx, (g, i) => g + down.dx[i]),
    da: down.dw,
    db: up.dw,
    dw: base.dw,
    dbias: base.dbias,
  };
}

/** (x·Aᵀ)∘mask, [N, r]. */
function maskedDown({ x, a, mask }: LoraLinearInputs, { N, K, r }: LoraLinearShape): Float64Array {
  requireLength("mask", mask, r);
  return mapNumbers(linear(x, a, undefined, { N, K, M: r }), (h, i) => mask[i % r] ? h : 0);
}
