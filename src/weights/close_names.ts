/**
 * The known names nearest to a misspelt or differently prefixed one, for an error message.
 *
 * @param name the name that was not found
 * @param known the names there are
 * @param count how many to return at most
 * @returns names within half their length of edits (Levenshtein distance), nearest first
 */
export function closeNames(name: string, known: readonly string[], count = 3): string[] {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => 2 * distance <= Math.max(name.length, candidate.length))
    .sort((left, right) => left.distance - right.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** Levenshtein distance by the two-row recurrence of Wagner and Fischer (1974). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitute = row[j - 1] + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[right.length];
}
