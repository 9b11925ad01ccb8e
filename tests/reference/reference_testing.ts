import { randomStream } from "../../src/protocol/random.ts";
import { assertClose } from "./compare.ts";
import { finiteDifference } from "./finite_difference.ts";
import type { Numbers } from "./numbers.ts";

/** `count` standard normal numbers, the same for the same key. */
export function normals(count: number, ...key: (string | number)[]): Float64Array {
  const stream = randomStream(1, "reference", ...key);
  return Float64Array.from({ length: count }, () => stream.normal());
}

/**
 * Asserts that a hand-derived gradient equals the finite difference of `forward` at `x` for `dY`,
 * within 1e-6.
 */
export function assertGradient(
  name: string,
  gradient: Numbers,
  forward: (x: Float64Array) => Numbers,
  x: Numbers,
  dY: Numbers,
): void {
  assertClose(gradient, finiteDifference(forward, x, dY), 1e-6, name);
}
