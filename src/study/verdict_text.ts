/**
 * Findings as sentences.
 *
 * @module
 */

import { comparisonText, effectText } from "./effect_text.ts";
import { type CellFinding, type Finding, metricNames, seedsOfAClaim } from "./verdicts.ts";

/** The verdict with its reason: in how many cells, by how many seeds, and what is left after Holm's adjustment for `comparisons`. */
export function verdictText(finding: Finding, comparisons: number): string {
  const { verdict, strict, cells } = finding;
  const few = cells.filter(({ comparison, standing }) =>
    standing !== "unknown" && comparison.pairs.length < seedsOfAClaim
  );
  const sentences = [
    reason(finding),
    ...(few.length > 0
      ? [
        `Fewer than ${seedsOfAClaim} seeds in ${
          few.map(({ cell, comparison }) => `${cell} (${comparison.pairs.length})`).join(", ")
        }.`,
      ]
      : []),
    ...(verdict === "cannot be said" || verdict === "does not hold" ? [] : [
      `After Holm's adjustment for ${comparisons} ${
        comparisons === 1 ? "comparison" : "comparisons"
      }: ${strict === verdict ? "the same" : strict}.`,
    ]),
  ];
  return sentences.join(" ");
}

/** What is compared, and above what the interval has to lie. */
export function claimText({ claim, margin, cells }: Finding): string {
  const { metric, method, than } = claim;
  const ratio = metric === "roundsToTarget" || metric === "bytesToTarget";
  const scale = ratio ? "ratio" : "difference";
  const effect = ratio
    ? `${than} / ${method}, ${metricNames[metric]}`
    : `${method} − ${than}, ${metricNames[metric]}`;
  const unit = ratio ? "" : " points";
  const where = cells.length === 0 ? "no cell has both" : cells.map(({ cell }) => cell).join(", ");
  return `${effect}; to lie above ${effectText(scale, margin)}${unit}; in ${where}.`;
}

/** What one cell says, with interval, seeds and whatever keeps a pair out of it. */
export function cellText(
  { cell, comparison, standing, failed }: CellFinding,
  finding: Finding,
): string {
  const { method, than } = finding.claim;
  const { pairs, unknown, scale } = comparison;
  const unit = scale === "ratio" ? "" : " points";
  const atLeast = pairs.filter(({ bound }) => bound === "at least").length;
  const atMost = pairs.filter(({ bound }) => bound === "at most").length;
  const told = [
    pairs.length === 0
      ? "nothing to compare"
      : `${comparisonText(comparison, unit)}, n = ${pairs.length}`,
    ...(pairs.length === 1 ? ["no interval from one seed"] : []),
    ...(atLeast > 0 ? [`${than} did not reach the target with ${seeds(atLeast)}`] : []),
    ...(atMost > 0 ? [`${method} did not reach the target with ${seeds(atMost)}`] : []),
    ...(unknown.length > 0 ? [`no ratio with ${seeds(unknown.length)}`] : []),
    ...[method, than].flatMap((name, side) =>
      failed[side] > 0
        ? [`${failed[side]} ${failed[side] === 1 ? "run" : "runs"} of ${name} failed`]
        : []
    ),
  ];
  return `${cell}: ${told.join("; ")}: ${standings[standing]}.`;
}

const standings = {
  holds: "holds",
  leans: "not shown, though the mean lies on the claim's side",
  against: "does not hold",
  opposite: "the opposite holds",
  unknown: "cannot be said",
} as const;

function reason({ verdict, cells }: Finding): string {
  const count = cells.length === 1 ? "the one cell" : `all ${cells.length} cells`;
  const of = (standing: CellFinding["standing"]): string[] =>
    cells.filter((cell) => cell.standing === standing).map(({ cell }) => cell);
  const opposite = of("opposite").length > 0
    ? ` The opposite holds in ${of("opposite").join(", ")}.`
    : "";
  switch (verdict) {
    case "holds":
      return `Holds in ${count} looked at.`;
    case "holds partly":
      return of("holds").length > 0
        ? `Holds in ${of("holds").length} of ${cells.length} cells: ${
          of("holds").join(", ")
        }.${opposite}`
        : "Holds partly: the means lie on the claim's side, but no interval excludes the margin.";
    case "does not hold":
      return `Does not hold: no interval lies above the margin in ${count} looked at.${opposite}`;
    case "cannot be said":
      return cells.length === 0
        ? "Cannot be said: no cell has both methods."
        : "Cannot be said: no cell has two common seeds with a value.";
  }
}

function seeds(count: number): string {
  return count === 1 ? "1 seed" : `${count} seeds`;
}
