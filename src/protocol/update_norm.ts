/**
 * How far an update is from the bank it started from, and how far honest training can get: the bound that keeps one client from drowning the
 * others.
 *
 * @module
 */

import { type AggregationRule, aggregationRules, type AggregatorName } from "./aggregate/mod.ts";
import type { AdapterBank } from "./bank.ts";
import { rankFactor, type RankRate } from "./rank_rate.ts";
import type { ServerOptimizerKind } from "./server_optimizer.ts";
import type { ClientUpdate } from "./update.ts";

/**
 * L2 norm of an update's change against its bank: the trained factors of its components and the head, together, in double precision.
 *
 * @param update of the bank's layout, see `validateUpdate`.
 *
 * @example
 * ```ts
 * import { createBank } from "./bank.ts";
 * import { updateNorm } from "./update_norm.ts";
 * const modules = [{ name: "q_proj", inFeatures: 1, outFeatures: 1 }];
 * const bank = createBank({ modules, rank: 2, alpha: 4, seed: 1, head: [] });
 * const a = [new Float32Array([bank.modules[0].a[1] + 3])];
 * const b = [new Float32Array([4])];
 * const update = { client: 0, round: 0, samples: 1, indices: [new Uint32Array([1])], a, b, head: [] };
 * if (Math.abs(updateNorm(bank, update) - 5) > 1e-6) throw new Error("unreachable");
 * ```
 */
export function updateNorm(bank: AdapterBank, update: ClientUpdate): number {
  let sum = 0;
  bank.modules.forEach(({ inFeatures, outFeatures, a, b }, m) => {
    const indices = update.indices[m];
    const count = indices.length;
    indices.forEach((i, n) => {
      const row = update.a?.[m].subarray(n * inFeatures, (n + 1) * inFeatures);
      row?.forEach((value, j) => sum += (value - a[i * inFeatures + j]) ** 2);
      for (let j = 0; j < outFeatures; j++) {
        sum += (update.b[m][j * count + n] - b[j * bank.rank + i]) ** 2;
      }
    });
  });
  bank.head.forEach(({ data }, h) =>
    data.forEach((value, at) => sum += (update.head[h].data[at] - value) ** 2)
  );
  return Math.sqrt(sum);
}

/** The settings that bound an update, by the names of a simulated run's. */
export interface TrainingBoundSettings {
  /** What moves the weights. */
  readonly optimizer: "adamw" | "sgd";
  /** Learning rate of the adapters; a schedule's factor is at most 1. */
  readonly lr: number;
  /** How a client's follows from its rank. */
  readonly lrByRank: RankRate;
  /** The ranks that clients can have: at least one, the smallest among them. */
  readonly ranks: readonly number[];
  /** Learning rate of the head. */
  readonly headLr: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** AdamW's first-moment decay. */
  readonly adamBeta1: number;
  /** AdamW's second-moment decay. */
  readonly adamBeta2: number;
  /** Largest norm of a step's gradient; 0 does not clip. */
  readonly clipNorm: number;
  /** Steps of a round. */
  readonly localSteps: number;
  /** Rounds of the run. */
  readonly rounds: number;
  /** Whether AdamW's moments start each round at zero. */
  readonly optimizerState: "reset" | "keep";
  /** How the server combines. */
  readonly aggregation: AggregatorName;
  /** What it makes of a round's combined change. */
  readonly serverOptimizer: ServerOptimizerKind;
}

/** What float32 on a device adds to the bound of exact arithmetic, generously. */
const ROUNDING_ROOM = 1.01;

/**
 * The largest {@linkcode updateNorm} that training within these settings can reach, whatever the data, in any round of a run that starts from
 * `bank`; Infinity where nothing bounds it, as under SGD without clipping.
 *
 * A step moves a weight by lr·(optimizer's direction) and shrinks it by lr·decay, so that after T steps
 *
 *     |w_T − w_0| ≤ lr·Σ_t R_t + (1 − (1 − lr·decay)^T)·|w_0|
 *
 * with R_t the largest direction: {@linkcode adamRatio} for AdamW, the clip norm for SGD. Rules that average clients' weights, the server's and zeros
 * leave no weight of a later round's bank larger than |w_initial| + rounds·lr·Σ R_t. A server's optimizer can step beyond the average, and a rule
 * that makes other components shares them out anew: with these nothing bounds |w_0|, and so, under decay, nothing the update. The norm takes all r
 * components and the head for trained, and the rate for that of the smallest rank.
 *
 * @param bank the initial bank.
 */
export function honestNormBound(settings: TrainingBoundSettings, bank: AdapterBank): number {
  const adapter = bank.modules.flatMap(({ a, b }) => [a, b]);
  const head = bank.head.map(({ data }) => data);
  const smallest = [{ length: Math.min(...settings.ranks) }];
  const rate = settings.lr * rankFactor(settings.lrByRank, bank.rank, smallest);
  const bounds = [groupBound(settings, rate, adapter)];
  if (head.length > 0) bounds.push(groupBound(settings, settings.headLr, head));
  return ROUNDING_ROOM * Math.hypot(...bounds);
}

/**
 * The largest |m̂_t| / √v̂_t of Adam, over all sequences of t gradients.
 *
 * By Cauchy and Schwarz, m_t = (1−β1) Σ_j β1^j g_{t−j} is at most (1−β1)·√(Σ_j (β1²/β2)^j)·√(Σ_j β2^j g²_{t−j}), and the last root is
 * √(v_t / (1−β2)); gradients that grow by β2/β1 each step reach it. Kingma and Ba (2015, section 2.1) give max(1, (1−β1)/√(1−β2)) as the
 * typical bound, for gradients that do not grow: 3.2 with the usual decays, where the largest is 7.3.
 *
 * @param step t, from 1; the bound never falls with it.
 */
export function adamRatio(beta1: number, beta2: number, step: number): number {
  if (step === 1 || beta1 === 0 && beta2 === 0) return 1;
  if (beta2 === 0) return Infinity;
  const geometric = (base: number) => base === 1 ? step : (1 - base ** step) / (1 - base);
  const spread = geometric(beta1 ** 2 / beta2);
  return Math.sqrt(geometric(beta2) * spread) / geometric(beta1);
}

function groupBound(
  settings: TrainingBoundSettings,
  rate: number,
  tensors: readonly Float32Array[],
): number {
  if (rate === 0) return 0;
  const { optimizer, weightDecay, localSteps, rounds, clipNorm } = settings;
  const count = tensors.reduce((sum, { length }) => sum + length, 0);
  const spread = Math.sqrt(count);
  const ofWeight = rate *
    (optimizer === "adamw" ? sumOfRatios(settings) : localSteps * (clipNorm || Infinity));
  // Clipping bounds the whole gradient, Adam each number of it.
  const move = optimizer === "adamw" ? ofWeight * spread : ofWeight;
  const decay = rate * weightDecay;
  if (decay === 0) return move;
  if (decay > 1) return Infinity; // Steps that overshoot zero can grow without end.
  if (!averages(settings)) return Infinity;
  const largest = Math.sqrt(tensors.reduce((sum, data) => sum + squares(data), 0)) +
    rounds * ofWeight * spread;
  return move + (1 - (1 - decay) ** localSteps) * largest;
}

/** Whether a round's bank is an average of weights that were there before. */
function averages({ aggregation, serverOptimizer }: TrainingBoundSettings): boolean {
  const { sortsAnew }: AggregationRule = aggregationRules[aggregation];
  return serverOptimizer === "none" && sortsAnew !== true;
}

function sumOfRatios(settings: TrainingBoundSettings): number {
  const { adamBeta1, adamBeta2, localSteps, rounds, optimizerState } = settings;
  if (optimizerState === "keep") {
    return localSteps * adamRatio(adamBeta1, adamBeta2, localSteps * rounds);
  }
  let sum = 0;
  for (let step = 1; step <= localSteps; step++) sum += adamRatio(adamBeta1, adamBeta2, step);
  return sum;
}

function squares(data: Float32Array): number {
  let sum = 0;
  for (const value of data) sum += value ** 2;
  return sum;
}
