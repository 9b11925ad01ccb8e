import { mapNumbers, type Numbers } from "./numbers.ts";

/**
 * The uniform number in [0, 1), 24 bits, of element `index` in stream `streamId` of `seed` (all
 * u32).
 *
 * state = index + seed·0x9E3779B9 + streamId·0x85EBCA6B mod 2³², then twice the PCG hash
 * (Jarzynski and Olano 2020), then the top
 * 24 bits. Counter-based: every element is drawn alone, in any order, on any device, and again in
 * the backward pass.
 */
export function dropoutUniform(index: number, seed: number, streamId: number): number {
  const state = index + Math.imul(seed, 0x9e3779b9) + Math.imul(streamId, 0x85ebca6b);
  return (pcgHash(pcgHash(state >>> 0)) >>> 8) / 0x1000000;
}

/**
 * Keeps x[i] where u ≥ p and scales it by 1/(1 − p); zero elsewhere.
 *
 * p is rounded to float32 first, because the devices compare in float32.
 *
 * @param p Share of elements dropped, in [0, 1).
 */
export function dropout(x: Numbers, seed: number, streamId: number, p: number): Float64Array {
  if (!(p >= 0 && p < 1)) {
    throw new RangeError(`Cannot drop a share of ${p}: expected a number in [0, 1)`);
  }
  const threshold = Math.fround(p);
  return mapNumbers(
    x,
    (v, i) => dropoutUniform(i, seed, streamId) >= threshold ? v / (1 - threshold) : 0,
  );
}

/** Gradient of {@link dropout}: the same elements kept, the same scale. */
export function dropoutBackward(
  dY: Numbers,
  seed: number,
  streamId: number,
  p: number,
): Float64Array {
  return dropout(dY, seed, streamId, p);
}

function pcgHash(state: number): number {
  const s = (Math.imul(state, 747796405) + 2891336453) >>> 0;
  const w = Math.imul((s >>> ((s >>> 28) + 4)) ^ s, 277803737) >>> 0;
  return ((w >>> 22) ^ w) >>> 0;
}
