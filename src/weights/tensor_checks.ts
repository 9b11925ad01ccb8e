/** The errors every kind of weight source gives in the same words. */
import { closestNames } from "../protocol/closest_names.ts";
import { WeightsError } from "./errors.ts";

/**
 * The error for a tensor that a source does not hold.
 *
 * @param name the tensor asked for
 * @param label the file or folder it was looked for in
 * @param known the names the source holds
 * @returns an error that names the tensor and the nearest names
 */
export function missingTensor(name: string, label: string, known: readonly string[]): WeightsError {
  const close = closestNames(name, known).map((candidate) => `"${candidate}"`);
  const hint = close.length > 0 ? `; the nearest names are ${close.join(", ")}` : "";
  return new WeightsError(
    `Cannot load "${name}": not among the ${known.length} tensors of "${label}"${hint}`,
  );
}

/**
 * Refuses a tensor whose stored shape is not the one the model's configuration asks for.
 *
 * @throws {WeightsError} naming the tensor and both shapes
 */
export function checkShape(
  name: string,
  expected: readonly number[],
  actual: readonly number[],
): void {
  const same = expected.length === actual.length &&
    expected.every((size, axis) => size === actual[axis]);
  if (!same) {
    throw new WeightsError(
      `Cannot load "${name}": expected shape [${expected.join(", ")}], got [${actual.join(", ")}]`,
    );
  }
}
