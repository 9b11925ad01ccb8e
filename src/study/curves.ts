import type { StudyRound, StudyRun } from "./result.ts";
import { mean, standardError } from "./statistics.ts";

/** A point of a curve over seeds. */
export interface CurvePoint {
  /** Mean over the seeds. */
  readonly x: number;
  /** Mean over the seeds. */
  readonly y: number;
  /** Standard error of y; absent with one seed. */
  readonly error?: number;
}

/**
 * A curve over seeds, a point a round; runs of different lengths give one as long as the shortest.
 *
 * @param y undefined where a round does not know it: its run is left out of that point, and a point without any run is left out
 */
export function meanCurve(
  runs: readonly StudyRun[],
  x: (round: StudyRound) => number,
  y: (round: StudyRound) => number | undefined,
): CurvePoint[] {
  if (runs.length === 0) return [];
  const rounds = Math.min(...runs.map((run) => run.rounds.length));
  return Array.from({ length: rounds }).flatMap((_, index): CurvePoint[] => {
    const known = runs.flatMap((run) => {
      const value = y(run.rounds[index]);
      return value === undefined ? [] : [{ x: x(run.rounds[index]), y: value }];
    });
    if (known.length === 0) return [];
    const values = known.map((point) => point.y);
    return [{
      x: mean(known.map((point) => point.x)),
      y: mean(values),
      ...(values.length > 1 && { error: standardError(values) }),
    }];
  });
}
