/** Numbers in row-major order: what every oracle reads. Oracles return `Float64Array`. */
export type Numbers = ArrayLike<number>;

/**
 * Refuses an array of the wrong length, so that a test's wrong shape fails here and not as a NaN
 * later.
 *
 * @throws {RangeError} When `data` does not hold `length` numbers.
 */
export function requireLength(name: string, data: ArrayLike<unknown>, length: number): void {
  if (data.length !== length) {
    throw new RangeError(`Cannot read "${name}": expected ${length} numbers, got ${data.length}`);
  }
}

/** Applies `f` to every element. */
export function mapNumbers(
  x: Numbers,
  f: (value: number, index: number) => number,
): Float64Array {
  const result = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = f(x[i], i);
  return result;
}
