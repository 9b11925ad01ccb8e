/** Activation functions on the CPU, by the numbering of kernels/lib/activation.wgsl. @module */

/** Functions by name; the number is KIND in the kernels. */
export const ACTIVATION_KINDS = { gelu: 0, gelu_tanh: 1, tanh: 2, relu: 3, silu: 4 } as const;

/** Names of the activation functions: exact GELU, its tanh approximation, tanh, ReLU, SiLU. */
export type ActivationKind = keyof typeof ACTIVATION_KINDS;

/** Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7, as in the kernels. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t *
    (0.254829592 +
      t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const geluInner = (x: number) => 0.7978845608 * (x + 0.044715 * x * x * x);

const FUNCTIONS: Record<ActivationKind, (x: number) => number> = {
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(geluInner(x))),
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  silu: (x) => x * sigmoid(x),
};

const DERIVATIVES: Record<ActivationKind, (x: number) => number> = {
  gelu: (x) => 0.5 * (1 + erf(x * Math.SQRT1_2)) + x * 0.3989422804 * Math.exp(-0.5 * x * x),
  gelu_tanh: (x) => {
    const t = Math.tanh(geluInner(x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608 * (1 + 3 * 0.044715 * x * x);
  },
  tanh: (x) => 1 - Math.tanh(x) ** 2,
  relu: (x) => x > 0 ? 1 : 0,
  silu: (x) => {
    const s = sigmoid(x);
    return s * (1 + x * (1 - s));
  },
};

/**
 * Value and derivative at once, where both are needed: `result` becomes [f(x), f'(x)]. SiLU's share their exponential, which is most of their cost.
 */
export function activationPair(kind: ActivationKind): (x: number, result: Float64Array) => void {
  if (kind === "silu") {
    return (x, result) => {
      const s = sigmoid(x);
      result[0] = x * s;
      result[1] = s * (1 + x * (1 - s));
    };
  }
  const value = FUNCTIONS[kind], derivative = DERIVATIVES[kind];
  return (x, result) => {
    result[0] = value(x);
    result[1] = derivative(x);
  };
}

/** The function of a kind. */
export function activationFunction(kind: ActivationKind): (x: number) => number {
  return FUNCTIONS[kind];
}

/** The derivative of a kind. */
export function activationDerivative(kind: ActivationKind): (x: number) => number {
  return DERIVATIVES[kind];
}
