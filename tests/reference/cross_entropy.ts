import { type Numbers, requireLength } from "./numbers.ts";

/** The label of a row that counts for nothing, in a u32. */
export const IGNORE_INDEX = 0xffffffff;

/** Rows and labels (classes, or the vocabulary). */
export interface CrossEntropyShape {
  readonly N: number;
  readonly L: number;
}

/**
 * Weighted cross-entropy of each row: logits [N, L], labels [N], weights [N] → weights·(logsumexp
 * − logit[label]) [N], and 0
 * where the label is `ignoreIndex`.
 *
 * @throws {RangeError} When a label is neither a column nor `ignoreIndex`.
 */
export function crossEntropy(
  logits: Numbers,
  labels: Numbers,
  weights: Numbers,
  { N, L }: CrossEntropyShape,
  ignoreIndex = IGNORE_INDEX,
): Float64Array {
  requireOperands(logits, labels, weights, { N, L });
  const rowLoss = new Float64Array(N);
  for (let n = 0; n < N; n++) {
    if (labels[n] === ignoreIndex) continue;
    const column = columnOf(labels[n], L);
    rowLoss[n] = weights[n] * (logSumExp(logits, n, L) - logits[n * L + column]);
  }
  return rowLoss;
}

/**
 * Gradient of {@link crossEntropy} for dRow [N]: dLogits [N, L] = dRow·weights·(softmax −
 * onehot(label)), 0 where ignored.
 */
export function crossEntropyBackward(
  dRow: Numbers,
  logits: Numbers,
  labels: Numbers,
  weights: Numbers,
  { N, L }: CrossEntropyShape,
  ignoreIndex = IGNORE_INDEX,
): Float64Array {
  requireLength("dRow", dRow, N);
  requireOperands(logits, labels, weights, { N, L });
  const dLogits = new Float64Array(N * L);
  for (let n = 0; n < N; n++) {
    if (labels[n] === ignoreIndex) continue;
    const column = columnOf(labels[n], L);
    const lse = logSumExp(logits, n, L);
    for (let l = 0; l < L; l++) {
      const probability = Math.exp(logits[n * L + l] - lse);
      dLogits[n * L + l] = dRow[n] * weights[n] * (probability - (l === column ? 1 : 0));
    }
  }
  return dLogits;
}

function requireOperands(
  logits: Numbers,
  labels: Numbers,
  weights: Numbers,
  { N, L }: CrossEntropyShape,
): void {
  requireLength("logits", logits, N * L);
  requireLength("labels", labels, N);
  requireLength("weights", weights, N);
}

function columnOf(label: number, L: number): number {
  if (!Number.isInteger(label) || label < 0 || label >= L) {
    throw new RangeError(`Cannot score label ${label}: expected a whole number from 0 to ${L - 1}`);
  }
  return label;
}

function logSumExp(logits: Numbers, n: number, L: number): number {
  let largest = -Infinity;
  for (let l = 0; l < L; l++) largest = Math.max(largest, logits[n * L + l]);
  let sum = 0;
  for (let l = 0; l < L; l++) sum += Math.exp(logits[n * L + l] - largest);
  return largest + Math.log(sum);
}
