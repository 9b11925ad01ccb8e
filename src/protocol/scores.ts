/**
 * Importance scores of rank-1 components, and how the server merges the clients' reports.
 *
 * @module
 */

import type { ModuleComponents, ModuleShape } from "./bank.ts";
import type { RandomStream } from "./random.ts";

/** How one weight is scored from Ī and Ū: their product (AdaLoRA's, the default) or Ī alone. */
export type SensitivityScore = "smoothed-uncertainty" | "smoothed";

/** Ī and Ū of a module's weights, laid out as the weights; float32 from a device, or float64. */
export interface ModuleSensitivity {
  /** Of A, [r, inFeatures]. */
  readonly a: SmoothedPair;
  /** Of B, [outFeatures, r]. */
  readonly b: SmoothedPair;
}

/** Ī and Ū of one matrix. */
export interface SmoothedPair {
  /** Ī, row-major, one number a weight. */
  readonly smoothed: ArrayLike<number>;
  /** Ū, row-major, one number a weight. */
  readonly uncertainty: ArrayLike<number>;
}

/** What one client measured. */
export interface ScoreReport {
  /** Its samples n_k, the report's weight. */
  readonly samples: number;
  /** Per module [r]; NaN where the client did not hold the component and so measured nothing. */
  readonly scores: readonly ArrayLike<number>[];
}

const weightScore: Record<SensitivityScore, (smoothed: number, uncertainty: number) => number> = {
  "smoothed-uncertainty": (smoothed, uncertainty) => smoothed * uncertainty,
  "smoothed": (smoothed) => smoothed,
};

/**
 * S_i = mean_j s(B[j, i]) + mean_j s(A[i, j]) for each of a module's components, in double precision.
 *
 * AdaLoRA's importance of a triplet (arXiv 2303.10512, equation 7), without its singular value; for HAFL this is our reading.
 *
 * @example
 * ```ts
 * import { componentScores } from "./scores.ts";
 * const a = { smoothed: [1, 3], uncertainty: [1, 1] }; // one component, two inputs
 * const b = { smoothed: [5], uncertainty: [2] }; // one output
 * const shape = { name: "q", inFeatures: 2, outFeatures: 1 };
 * const [score] = componentScores(shape, { a, b }, "smoothed-uncertainty");
 * if (score !== 5 * 2 + (1 + 3) / 2) throw new Error("unreachable");
 * ```
 */
export function componentScores(
  { inFeatures, outFeatures }: ModuleShape,
  { a, b }: ModuleSensitivity,
  kind: SensitivityScore,
): Float64Array {
  const rank = a.smoothed.length / inFeatures;
  const score = weightScore[kind];
  const at = (pair: SmoothedPair, n: number) => score(pair.smoothed[n], pair.uncertainty[n]);
  return Float64Array.from({ length: rank }, (_, i) => {
    let ofA = 0;
    for (let j = 0; j < inFeatures; j++) ofA += at(a, i * inFeatures + j);
    let ofB = 0;
    for (let j = 0; j < outFeatures; j++) ofB += at(b, j * rank + i);
    return ofB / outFeatures + ofA / inFeatures;
  });
}

/** ‖b_i‖·‖a_i‖ for each of a module's components: the Frobenius norm of b_i a_iᵀ. */
export function magnitudeScores({ inFeatures, outFeatures, a, b }: ModuleComponents): Float64Array {
  const rank = a.length / inFeatures;
  return Float64Array.from({ length: rank }, (_, i) => {
    let ofA = 0;
    for (let j = 0; j < inFeatures; j++) ofA += a[i * inFeatures + j] ** 2;
    let ofB = 0;
    for (let j = 0; j < outFeatures; j++) ofB += b[j * rank + i] ** 2;
    return Math.sqrt(ofA) * Math.sqrt(ofB);
  });
}

/** Scores that know nothing, uniform in [0, 1): the control that shows what importance buys. */
export function randomScores(rank: number, stream: RandomStream): Float64Array {
  return Float64Array.from({ length: rank }, () => stream.uniform());
}

/** The scores as a client reports them: NaN at the components it does not hold (mask 0), which it cannot measure. */
export function maskScores(scores: ArrayLike<number>, held: Uint8Array): Float64Array {
  return Float64Array.from(scores, (score, i) => held[i] === 1 ? score : NaN);
}

/** Merges reports that come one at a time, in client order; see {@linkcode mergeScores}. */
export interface ScoreMerge {
  /** Takes a report in. */
  add(report: ScoreReport): void;
  /** The merged scores, per module [r]. */
  finish(): Float64Array[];
}

/** Starts to merge reports into the server's scores, per module [r]. */
export function startScoreMerge(previous: readonly Float64Array[]): ScoreMerge {
  const sums = previous.map(({ length }) => new Float64Array(length));
  const weights = previous.map(({ length }) => new Float64Array(length));
  return {
    add({ samples, scores }) {
      sums.forEach((sum, m) => {
        for (let i = 0; i < sum.length; i++) {
          const reported = scores[m][i];
          if (Number.isNaN(reported)) continue;
          sum[i] += samples * reported;
          weights[m][i] += samples;
        }
      });
    },
    finish: () =>
      previous.map((scores, m) =>
        scores.map((score, i) => weights[m][i] === 0 ? score : sums[m][i] / weights[m][i])
      ),
  };
}

/**
 * The server's scores after a round: S_i becomes the n_k-weighted mean over the reporters of i, and stays where nobody reported.
 *
 * @param previous per module [r].
 * @param reports in client order, so that the rounding does not depend on who answered first.
 */
export function mergeScores(
  previous: readonly Float64Array[],
  reports: readonly ScoreReport[],
): Float64Array[] {
  const merge = startScoreMerge(previous);
  for (const report of reports) merge.add(report);
  return merge.finish();
}
