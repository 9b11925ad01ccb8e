/** The first value that a list has a second time; undefined where all are distinct. Takes time in proportion to the list. */
export function firstRepeated<T>(values: readonly T[]): T | undefined {
  const seen = new Set<T>();
  return values.find((value) => seen.has(value) || !seen.add(value));
}
