import { mapNumbers, type Numbers, requireLength } from "./numbers.ts";

/**
 * One step of plain gradient descent: parameter − learningRate·gradient.
 *
 * @param trainMask Elements with 0 keep their value bit for bit; without a mask all are trained.
 */
export function sgd(
  parameter: Numbers,
  gradient: Numbers,
  learningRate: number,
  trainMask?: Numbers,
): Float64Array {
  requireLength("gradient", gradient, parameter.length);
  if (trainMask) requireLength("trainMask", trainMask, parameter.length);
  return mapNumbers(
    parameter,
    (p, i) => trainMask && !trainMask[i] ? p : p - learningRate * gradient[i],
  );
}
