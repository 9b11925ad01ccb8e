import { type Numbers, requireLength } from "./numbers.ts";

/** A parameter and AdamW's moments, of one length. */
export interface AdamwState {
  readonly parameter: Numbers;
  readonly firstMoment: Numbers;
  readonly secondMoment: Numbers;
}

/** What {@link adamw} returns: the state after the step. */
export interface AdamwResult {
  readonly parameter: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
}

/** AdamW's settings at one step. */
export interface AdamwOptions {
  /** 1 for the first step. */
  readonly step: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019) in PyTorch's order: p ← p·(1 − lr·wd); m and v;
 * then
 * p ← p − lr·m̂/(√v̂ + eps).
 *
 * @param trainMask Elements with 0 keep parameter and moments bit for bit; without a mask all are
 * trained.
 */
export function adamw(
  state: AdamwState,
  gradient: Numbers,
  options: AdamwOptions,
  trainMask?: Numbers,
): AdamwResult {
  const { step, learningRate, beta1, beta2, epsilon, weightDecay } = options;
  const parameter = Float64Array.from(state.parameter);
  const firstMoment = Float64Array.from(state.firstMoment);
  const secondMoment = Float64Array.from(state.secondMoment);
  requireLength("firstMoment", firstMoment, parameter.length);
  requireLength("secondMoment", secondMoment, parameter.length);
  requireLength("gradient", gradient, parameter.length);
  if (trainMask) requireLength("trainMask", trainMask, parameter.length);
  for (let i = 0; i < parameter.length; i++) {
    if (trainMask && !trainMask[i]) continue;
    const g = gradient[i];
    parameter[i] *= 1 - learningRate * weightDecay;
    firstMoment[i] = beta1 * firstMoment[i] + (1 - beta1) * g;
    secondMoment[i] = beta2 * secondMoment[i] + (1 - beta2) * g * g;
    const mean = firstMoment[i] / (1 - beta1 ** step);
    const variance = secondMoment[i] / (1 - beta2 ** step);
    parameter[i] -= learningRate * mean / (Math.sqrt(variance) + epsilon);
  }
  return { parameter, firstMoment, secondMoment };
}
