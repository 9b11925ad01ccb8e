import type { Study } from "../../../study/study.ts";
import { cellText, claimText, verdictText } from "../../../study/verdict_text.ts";
import { comparisonCount, type Finding, seedsOfAClaim } from "../../../study/verdicts.ts";
import type { Section } from "./document.ts";

/** The verdicts at a glance. */
export function overviewSection(findings: readonly Finding[]): Section {
  const comparisons = comparisonCount(findings);
  return {
    title: "Verdicts",
    about: "Their intervals stand under Claims, after the cells.",
    blocks: [{
      kind: "findings",
      items: findings.map((finding) => ({
        claim: finding.claim.text,
        verdict: finding.verdict,
        reason: verdictText(finding, comparisons),
        cells: [],
      })),
    }],
  };
}

/** The claims with their verdicts, intervals and seeds. */
export function claimsSection({ targets }: Study, findings: readonly Finding[]): Section {
  const comparisons = comparisonCount(findings);
  const counted = findings.some(({ claim }) =>
    claim.metric === "roundsToTarget" || claim.metric === "bytesToTarget"
  );
  return {
    title: "Claims",
    about:
      "A claim holds when the 95 % interval (Student's t, two-sided) of the paired difference " +
      "over common seeds lies above its margin in every cell looked at; it asks for " +
      `${seedsOfAClaim} seeds. Comparisons in all: ${comparisons}. By chance alone one of twenty ` +
      "intervals leaves out the truth, which is why Holm's adjustment stands beside each verdict." +
      (counted
        ? ` Targets: ${
          Object.entries(targets).map(([cell, target]) => `${cell} ${(100 * target).toFixed(1)} %`)
            .join(", ")
        }. Their ratios come of logarithms; a run that never reached the target counts with all ` +
          "its rounds, which makes the ratio a bound (≥ or ≤)."
        : ""),
    blocks: [{
      kind: "findings",
      items: findings.map((finding) => ({
        claim: finding.claim.text,
        verdict: finding.verdict,
        reason: verdictText(finding, comparisons),
        compared: claimText(finding),
        cells: finding.cells.map((cell) => cellText(cell, finding)),
      })),
    }],
  };
}
