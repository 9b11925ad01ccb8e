/** The first value that a list has a second time; undefined where all are distinct. */
export function firstRepeated<T>(values: readonly T[]): T | undefined {
  return values.find((value, place) => values.indexOf(value) < place);
}
