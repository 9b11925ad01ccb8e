/**
 * Findings as sentences.
 *
 * @module
 */

import { type Comparison, inverted } from "./comparison.ts";
import { comparisonText, effectText } from "./effect_text.ts";
import { comparesAsRatio } from "./measures.ts";
import type { Metric } from "./study.ts";
import {
  type CellFinding,
  type Finding,
  metricNames,
  seedsOfAClaim,
  type Standing,
  survivesHolm,
} from "./verdicts.ts";

/** What every cell says with its interval, where seeds are few, and what is left after Holm's adjustment for `comparisons`. */
export function verdictText(finding: Finding, comparisons: number): string {
  const { claim, verdict, strict, cells } = finding;
  if (cells.length === 0) return "Cannot be said: no cell has both methods.";
  const few = cells.filter(({ comparison, standing }) =>
    standing !== "unknown" && comparison.pairs.length < seedsOfAClaim
  );
  const adjusts = verdict === "holds" || verdict === "holds partly";
  const opposite = cells.filter(({ standing }) => standing === "opposite");
  const holm = `After Holm's adjustment for ${comparisons} ${
    comparisons === 1 ? "comparison" : "comparisons"
  }`;
  return [
    ...standingOrder.flatMap((standing) => {
      const those = cells.filter((cell) => cell.standing === standing);
      return those.length === 0 ? [] : [standingSentence(standing, those, claim.metric)];
    }),
    ...(few.length > 0
      ? [
        `Fewer than ${seedsOfAClaim} seeds in ${
          few.map(({ cell, comparison }) => `${cell} (${comparison.pairs.length})`).join(", ")
        }, on which no claim holds.`,
      ]
      : []),
    ...(adjusts ? [`${holm}: ${strict === verdict ? "the same" : strict}.`] : []),
    ...(opposite.length > 0
      ? [
        `${holm} the opposite holds in ${
          opposite.filter(survivesHolm).map(({ cell }) => cell).join(", ") || "none of them"
        }.`,
      ]
      : []),
  ].join(" ");
}

/** What is compared, and above what the interval has to lie. */
export function claimText(finding: Finding): string {
  const { claim: { metric, method, than }, margin, cells } = finding;
  const ratio = comparesAsRatio(metric);
  const effect = `${ratio ? `${than} / ${method}` : `${method} − ${than}`}, ${metricNames[metric]}`;
  const line = ratio
    ? `above ${effectText("ratio", margin)}, that is ${marginText(finding)}`
    : `${marginText(finding)}${margin < 0 ? " (not worse by more)" : ""}`;
  const where = cells.length === 0 ? "no cell has both" : cells.map(({ cell }) => cell).join(", ");
  return `${effect}; to lie ${line}; in ${where}.`;
}

/** Where the interval has to lie: "above −1.0 points", or of the share that the method needs, "below 0.60 of the rounds". */
export function marginText({ claim, margin }: Finding): string {
  return comparesAsRatio(claim.metric)
    ? `below ${effectText("ratio", 1 / margin)} of the ${countedThings(claim.metric)}`
    : `above ${effectText("difference", margin)} points`;
}

/** A claim's effect in one cell: "+1.3 points [+0.2, +2.4]", or the share that the method needs, "in 0.52 [0.44, 0.61] of the rounds". */
export function claimEffectText(metric: Metric, comparison: Comparison): string {
  if (comparison.scale === "difference") return comparisonText(comparison, " points");
  return `in ${comparisonText(inverted(comparison))} of the ${countedThings(metric)}`;
}

/** What one cell says, with interval, seeds and whatever keeps a pair out of it. */
export function cellText(
  { cell, comparison, standing, failed }: CellFinding,
  finding: Finding,
): string {
  const { method, than, metric } = finding.claim;
  const { pairs, unknown, scale, interval } = comparison;
  const atLeast = pairs.filter(({ bound }) => bound === "at least").length;
  const atMost = pairs.filter(({ bound }) => bound === "at most").length;
  const effect = claimEffectText(metric, comparison);
  const told = [
    pairs.length === 0
      ? "nothing to compare"
      : `${scale === "ratio" ? `${comparisonText(comparison)}, that is ` : ""}${effect}, ` +
        `n = ${pairs.length}`,
    ...(pairs.length === 1 ? ["no interval from one seed"] : []),
    ...(interval !== undefined && interval[0] === interval[1]
      ? ["the same with every seed, which leaves the interval no width"]
      : []),
    ...(atLeast > 0 ? [`${than} did not get there with ${seeds(atLeast)}`] : []),
    ...(atMost > 0 ? [`${method} did not get there with ${seeds(atMost)}`] : []),
    ...(unknown.length > 0 ? [`no ratio with ${seeds(unknown.length)}`] : []),
    ...[method, than].flatMap((name, side) =>
      failed[side] > 0
        ? [`${failed[side]} ${failed[side] === 1 ? "run" : "runs"} of ${name} failed`]
        : []
    ),
  ];
  return `${cell}: ${told.join("; ")}: ${standingNames[standing]}.`;
}

/** What one cell says, in a word or two. */
export const standingNames: Readonly<Record<Standing, string>> = {
  holds: "holds",
  leans: "not shown",
  against: "does not hold",
  opposite: "the opposite holds",
  unknown: "cannot be said",
};

const standingOrder = ["holds", "leans", "against", "opposite", "unknown"] as const;

const reasons: Readonly<Record<Standing, string>> = {
  holds: "",
  leans:
    ": the mean lies on the claim's side, but the interval does not exclude the margin, or rests on bounds",
  against: "",
  opposite: "",
  unknown: ", for want of two common seeds with a value",
};

function standingSentence(
  standing: Standing,
  cells: readonly CellFinding[],
  metric: Metric,
): string {
  const name = standingNames[standing];
  const where = cells.map(({ cell, comparison }) =>
    standing === "unknown" ? cell : `${cell} (${claimEffectText(metric, comparison)})`
  );
  return `${name[0].toUpperCase()}${name.slice(1)} in ${where.join(", ")}${reasons[standing]}.`;
}

function countedThings(metric: Metric): string {
  if (metric === "finalLoss") return "loss";
  return metric === "bytesToTarget" ? "bytes" : "rounds";
}

function seeds(count: number): string {
  return count === 1 ? "1 seed" : `${count} seeds`;
}
