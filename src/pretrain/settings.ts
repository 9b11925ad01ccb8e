/** What decides a pretraining, apart from its texts and the model's shape. @module */

/** Settings of a pretraining. */
export interface PretrainSettings {
  /** Rows B of a step. */
  readonly batch: number;
  /** Tokens T of a row. */
  readonly tokens: number;
  /** Steps in all. */
  readonly steps: number;
  /** Highest learning rate. */
  readonly learningRate: number;
  /** First steps, over which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Last steps, over which it falls to 0. */
  readonly decaySteps: number;
  /** Decoupled weight decay of matrices; biases and norms have none. */
  readonly weightDecay: number;
  /** Share of the tokens of a row that are predicted, where tokens are masked. */
  readonly maskRate: number;
  /** Decides the initial weights, the order of the blocks and the masks. */
  readonly seed: number;
}

/** AdamW's constants, as BERT's successors set them (Liu et al. 2019, table 9), and the norm that gradients are clipped to. */
export const adamSettings = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, clipNorm: 1 } as const;

/**
 * The factor of the learning rate at a step, counted from 0: up, level, down (warm-up, stable, decay; Hu et al. 2024, MiniCPM). While it is level the
 * number of steps need not be known, so that a pretraining can be continued for longer.
 *
 * @example
 * ```ts
 * import { rateFactor } from "./settings.ts";
 * const settings = { warmupSteps: 2, steps: 10, decaySteps: 4 };
 * const factors = [0, 1, 2, 6, 8, 9].map((step) => rateFactor(settings, step));
 * if (factors.join() !== "0.5,1,1,1,0.5,0.25") throw new Error(factors.join());
 * ```
 */
export function rateFactor(
  { warmupSteps, steps, decaySteps }: Pick<
    PretrainSettings,
    "warmupSteps" | "steps" | "decaySteps"
  >,
  step: number,
): number {
  const up = warmupSteps === 0 ? 1 : (step + 1) / warmupSteps;
  const down = decaySteps === 0 ? 1 : (steps - step) / decaySteps;
  return Math.max(0, Math.min(1, up, down));
}
