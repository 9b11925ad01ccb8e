/**
 * Effects as people read them: differences in points, ratios as multiples, with their intervals.
 *
 * @module
 */

import type { Comparison } from "./comparison.ts";

/** A difference of accuracies in points: 0.0132 gives "+1.3". */
function pointsText(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(1);
  if (points === "0.0") return "0.0";
  return `${difference < 0 ? "−" : "+"}${points}`;
}

/** A ratio with three digits at most: 1.8333 gives "1.83", 12.345 gives "12.3". */
function ratioText(ratio: number): string {
  if (!(ratio < 1e4)) return ratio.toExponential(1);
  return ratio.toFixed(ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0);
}

/** An effect on its scale. */
export function effectText(scale: Comparison["scale"], effect: number): string {
  return scale === "ratio" ? ratioText(effect) : pointsText(effect);
}

/** A comparison's mean with its unit and interval: "+1.3 points [+0.2, +2.4]"; without an interval the mean alone, without pairs "–". */
export function comparisonText(
  { scale, mean, interval, pairs }: Comparison,
  unit: "" | " points" = "",
): string {
  if (mean === undefined) return "–";
  // A bounded pair bounds the mean; bounds from both sides leave it open.
  const bounds = new Set(pairs.map(({ bound }) => bound));
  const sign = bounds.has("at least")
    ? bounds.has("at most") ? "about " : "≥ "
    : bounds.has("at most")
    ? "≤ "
    : "";
  const text = `${sign}${effectText(scale, mean)}${unit}`;
  if (interval === undefined) return text;
  return `${text} [${interval.map((end) => effectText(scale, end)).join(", ")}]`;
}
