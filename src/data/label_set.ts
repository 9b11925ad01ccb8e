import { firstRepeated } from "../protocol/first_repeated.ts";
import { DataError } from "./errors.ts";

/**
 * Checks a label set that was given, whose order is that of the classes.
 *
 * @throws DataError naming a label that it has twice.
 */
export function checkLabelSet(labels: readonly string[]): void {
  const twice = firstRepeated(labels);
  if (twice === undefined) return;
  throw new DataError(`Cannot use the label set: expected distinct labels, got "${twice}" twice`);
}
