/**
 * The names nearest to one that is not among them, for an error message: nearest first, at most three.
 *
 * Capitals do not count. Distance: single-letter insertions, deletions, substitutions and swaps of neighbours (optimal
 * string alignment). A name counts as near when at most a third of the typed letters differ, or when
 * one of the two begins with the other.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { closestNames } from "./closest_names.ts";
 * assert.deepEqual(closestNames("ronds", ["rounds", "ranks", "seed"]), ["rounds"]);
 * ```
 */
export function closestNames(typed: string, names: readonly string[]): string[] {
  const wanted = typed.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  return names
    .map((name) => {
      const candidate = name.toLowerCase();
      const begins = wanted.length >= 3 &&
        (candidate.startsWith(wanted) || wanted.startsWith(candidate));
      return { name, distance: begins ? 0 : editDistance(wanted, candidate) };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

function editDistance(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, i) => {
    const row = new Array<number>(other.length + 1).fill(0);
    row[0] = i;
    return row;
  });
  for (let j = 0; j <= other.length; j++) rows[0][j] = j;
  for (let i = 1; i <= one.length; i++) {
    for (let j = 1; j <= other.length; j++) {
      const substitution = rows[i - 1][j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, substitution);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[one.length][other.length];
}
