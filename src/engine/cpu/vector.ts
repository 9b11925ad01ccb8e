/** Functions over vectors and rows for the CPU device: what is not a matrix product and yet takes time. @module */

import type { ActivationKind } from "../ops/activation_functions.ts";

/** f(a)·b backwards, elementwise. */
export interface GateBackwardCall {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly dy: Float32Array;
  readonly da: Float32Array;
  readonly db: Float32Array;
}

/** softmax of scale·scores over the keys a query may see; scores and probabilities [B,H,T,T]. */
export interface SoftmaxCall {
  readonly scores: Float32Array;
  /** [B,T], 0 where a key is hidden from all; where `documents`, the number of the token's document. */
  readonly mask: Uint32Array;
  readonly probabilities: Float32Array;
  readonly heads: number;
  readonly tokens: number;
  readonly scale: number;
  /** Hides the keys after the query. */
  readonly causal: boolean;
  /** Hides the keys of other documents than the query's. */
  readonly documents?: boolean;
}

/** ds = scale · p · (dp − Σ p·dp), by rows of `width`. */
export interface SoftmaxBackwardCall {
  readonly p: Float32Array;
  readonly dp: Float32Array;
  readonly ds: Float32Array;
  readonly width: number;
  readonly scale: number;
}

/** y = (x − mean)·rstd·γ + β, by rows of `width`. */
export interface LayerNormCall {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly y: Float32Array;
  /** Mean and rstd of each row, where they are wanted. */
  readonly statistics: Float32Array | undefined;
  readonly width: number;
  readonly epsilon: number;
}

/** {@linkcode LayerNormCall} backwards, towards x. */
export interface LayerNormBackwardCall {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly statistics: Float32Array;
  readonly dy: Float32Array;
  readonly dx: Float32Array;
  readonly width: number;
}

/** y = x·rstd·γ, by rows of `width`. */
export interface RmsNormCall {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly y: Float32Array;
  /** One number a row, where they are wanted. */
  readonly rstd: Float32Array | undefined;
  readonly width: number;
  readonly epsilon: number;
}

/** {@linkcode RmsNormCall} backwards, towards x. */
export interface RmsNormBackwardCall {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly rstd: Float32Array;
  readonly dy: Float32Array;
  readonly dx: Float32Array;
  readonly width: number;
}

/** Sums down the columns of x [rows, width]. */
export interface ColumnSumsCall {
  readonly x: Float32Array;
  /** [width] */
  readonly y: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/** The gradients of γ and β: dγ = Σ dy·(x − mean)·rstd, dβ = Σ dy, over the rows. */
export interface LayerNormParametersCall {
  readonly x: Float32Array;
  readonly statistics: Float32Array;
  readonly dy: Float32Array;
  readonly dgamma: Float32Array;
  readonly dbeta: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/** log Σ exp of rows of `width` logits; the loss is weights·(that − the label's logit), 0 for an ignored label. */
export interface CrossEntropyCall {
  readonly logits: Float32Array;
  readonly labels: Uint32Array;
  readonly weights: Float32Array;
  readonly loss: Float32Array;
  /** One number a row, where they are wanted. */
  readonly logSums: Float32Array | undefined;
  readonly width: number;
}

/** {@linkcode CrossEntropyCall} backwards: dlogits = dloss·weights·(softmax − label). */
export interface CrossEntropyBackwardCall {
  readonly logits: Float32Array;
  readonly labels: Uint32Array;
  readonly weights: Float32Array;
  readonly logSums: Float32Array;
  readonly dloss: Float32Array;
  readonly dlogits: Float32Array;
  readonly width: number;
}

/** table[v] = Σ x[n] over the rows n with ids[n] = v. */
export interface ScatterRowsCall {
  /** [N, width] */
  readonly x: Float32Array;
  /** [N] */
  readonly ids: Uint32Array;
  /** [V, width] */
  readonly table: Float32Array;
  readonly width: number;
}

/** A gradient, and what the optimizer is told of its elements. */
export interface GradientCall {
  readonly gradient: Float32Array;
  /** The slot of each element. */
  readonly slots: Uint32Array;
  /** Settings of the step, then of each slot, as kernels/lib/settings.wgsl lays them out. */
  readonly settings: Float32Array;
}

/** AdamW with the sensitivity EMA: what is not trained keeps parameter and moments to the bit. */
export interface AdamwCall extends GradientCall {
  /** The gradient that the sensitivity takes; `gradient` itself where that has no proximal term. */
  readonly dataGradient: Float32Array;
  /** First the factor of the gradient. */
  readonly clip: Float32Array;
  readonly parameters: Float32Array;
  /** Two an element; likewise below. */
  readonly moments: Float32Array;
  readonly sensitivity: Float32Array;
}

/**
 * Each function covers [begin, end): elements, or rows (columns) for those that work by rows (columns). What comes out for an element or a row does not depend on the range
 * it came in. An output may be an input itself, at the same position, and must not overlap one otherwise.
 */
export interface VectorFunctions {
  /** y = a + b. */
  add(a: Float32Array, b: Float32Array, y: Float32Array, begin: number, end: number): void;
  /** y = f(x). */
  activation(
    kind: ActivationKind,
    x: Float32Array,
    y: Float32Array,
    begin: number,
    end: number,
  ): void;
  /** dx = f'(x)·dy. */
  activationBackward(
    kind: ActivationKind,
    x: Float32Array,
    dy: Float32Array,
    dx: Float32Array,
    begin: number,
    end: number,
  ): void;
  /** y = f(a)·b. */
  gate(
    kind: ActivationKind,
    a: Float32Array,
    b: Float32Array,
    y: Float32Array,
    begin: number,
    end: number,
  ): void;
  /** da = f'(a)·b·dy, db = f(a)·dy. */
  gateBackward(kind: ActivationKind, call: GateBackwardCall, begin: number, end: number): void;
  /** Rows of T keys; one without a visible key is all 0. */
  maskedSoftmax(call: SoftmaxCall, begin: number, end: number): void;
  maskedSoftmaxBackward(call: SoftmaxBackwardCall, begin: number, end: number): void;
  layerNorm(call: LayerNormCall, begin: number, end: number): void;
  layerNormBackward(call: LayerNormBackwardCall, begin: number, end: number): void;
  rmsNorm(call: RmsNormCall, begin: number, end: number): void;
  rmsNormBackward(call: RmsNormBackwardCall, begin: number, end: number): void;
  /** Columns [begin, end); likewise below. */
  columnSums(call: ColumnSumsCall, begin: number, end: number): void;
  layerNormParameters(call: LayerNormParametersCall, begin: number, end: number): void;
  scatterRows(call: ScatterRowsCall, begin: number, end: number): void;
  /** Rows again. */
  crossEntropy(call: CrossEntropyCall, begin: number, end: number): void;
  crossEntropyBackward(call: CrossEntropyBackwardCall, begin: number, end: number): void;
  /** sums[position] = Σ g² over the elements [begin, end) whose slots are trained. */
  squareSum(
    call: GradientCall,
    sums: Float32Array,
    position: number,
    begin: number,
    end: number,
  ): void;
  adamw(call: AdamwCall, begin: number, end: number): void;
}
