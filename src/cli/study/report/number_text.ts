/**
 * Numbers over seeds as the tables show them.
 *
 * @module
 */

import { mean, median, standardDeviation } from "../../../study/statistics.ts";
import type { Reading } from "../../../study/measures.ts";

/** What stands where there is nothing to show. */
export const nothing = "–";

/** Accuracies as percentages without the sign: "27.9 ± 0.6", of one value "27.9". */
export function accuracyText(values: readonly number[]): string {
  if (values.length === 0) return nothing;
  const centre = percents(mean(values));
  if (values.length === 1) return centre;
  return `${centre} ± ${percents(standardDeviation(values))}`;
}

/** Losses of accuracy in points; a bare "0" where each of them is exactly zero, and not just rounded to it. */
export function lostText(values: readonly number[]): string {
  if (values.length > 0 && values.every((value) => value === 0)) return "0";
  return accuracyText(values);
}

function percents(share: number): string {
  const digits = (100 * Math.abs(share)).toFixed(1);
  return share < 0 && digits !== "0.0" ? `−${digits}` : digits;
}

/** A score from elsewhere, as exact as it was given, to two decimals: 0.6985 gives "69.85". */
export function referenceText(accuracy: number): string {
  return (100 * accuracy).toFixed(2).replace(/0$/, "");
}

/**
 * What a target takes: the median, with how many runs got there. Where that is half of them or fewer the median is not known, and lies beyond what
 * the others had gone through.
 */
export function targetText(
  readings: readonly Reading[],
  format: (value: number) => string,
): string {
  if (readings.length === 0) return nothing;
  const reached = readings.filter((reading) => reading.reached).length;
  const values = readings.map((reading) => reading.reached ? reading.value : Infinity);
  const centre = median(values);
  const told = Number.isFinite(centre)
    ? format(centre)
    : `> ${
      format(Math.min(...readings.filter(({ reached }) => !reached).map(({ value }) => value)))
    }`;
  return `${told} (${reached} of ${readings.length})`;
}

/** Whole numbers with runs of neighbours drawn together: 1, 2, 3, 7 gives "1–3, 7". */
export function rangesText(values: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const value of values) {
    const last = ranges.at(-1);
    if (last !== undefined && value === last[1] + 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges.map(([from, to]) =>
    from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`
  ).join(", ");
}
