import type { Study } from "../../../study/study.ts";
import {
  cellText,
  claimEffectText,
  claimText,
  marginText,
  standingNames,
  verdictText,
} from "../../../study/verdict_text.ts";
import {
  comparisonCount,
  type Finding,
  seedsOfAClaim,
  type Verdict,
} from "../../../study/verdicts.ts";
import { percentText } from "../../units.ts";
import type { Section } from "./document.ts";
import { nothing } from "./number_text.ts";

/** The verdicts at a glance: a row a claim, a column a cell. */
export function overviewSection(findings: readonly Finding[], cells: readonly string[]): Section {
  const shown = cells.filter((name) =>
    findings.some((finding) => finding.cells.some(({ cell }) => cell === name))
  );
  return {
    title: "Verdicts",
    blocks: [{
      kind: "table",
      title: "Claims by cell",
      about:
        "In each cell the mean paired effect with its 95 % interval, which has to lie as said, " +
        `and n, its seeds: a cell with fewer than ${seedsOfAClaim} makes no claim hold. After ` +
        "Holm: what is left when all comparisons are looked at together. More stands under " +
        "Claims, after the cells.",
      texts: 4 + shown.length,
      wordy: true,
      head: ["Verdict", "After Holm", "Claim", "To lie", ...shown],
      rows: findings.map((finding) => ({
        cells: [
          finding.verdict,
          finding.strict,
          finding.claim.text,
          marginText(finding),
          ...shown.map((name) => standingText(finding, name)),
        ],
        color: verdictColors[finding.verdict],
      })),
    }],
  };
}

const verdictColors: Readonly<Record<Verdict, string>> = {
  "holds": "var(--holds)",
  "holds partly": "var(--partly)",
  "not shown": "var(--other)",
  "does not hold": "var(--fails)",
  "cannot be said": "var(--other)",
};

function standingText({ claim, cells }: Finding, name: string): string {
  const found = cells.find(({ cell }) => cell === name);
  if (found === undefined) return nothing;
  const { standing, comparison } = found;
  const { pairs } = comparison;
  if (pairs.length === 0) return standingNames[standing];
  return `${standingNames[standing]}: ${claimEffectText(claim.metric, comparison)}, ` +
    `n = ${pairs.length}`;
}

/** The claims with their verdicts, intervals and seeds. */
export function claimsSection({ targets }: Study, findings: readonly Finding[]): Section {
  const comparisons = comparisonCount(findings);
  const claimed = new Set(findings.map(({ claim }) => claim.metric));
  const targeted = claimed.has("roundsToTarget") || claimed.has("bytesToTarget");
  return {
    title: "Claims",
    about:
      "A claim holds when the 95 % interval (Student's t, two-sided) of the paired difference " +
      "over common seeds lies above its margin in every cell looked at, each with at least " +
      `${seedsOfAClaim} seeds. Comparisons in all: ${comparisons}. By chance alone one of twenty ` +
      "intervals leaves out the truth, which is why Holm's adjustment stands beside each verdict. " +
      "An interval is of the seeds alone: all are scored on the same rows." +
      (targeted
        ? ` Targets: ${
          Object.entries(targets).map(([cell, target]) => `${cell} ${percentText(target)}`)
            .join(", ")
        }.`
        : "") +
      (targeted || claimed.has("roundsToRivalsBest")
        ? " Ratios come of logarithms; a run that never got to its target counts with all its " +
          "rounds, which makes the ratio a bound (≥ or ≤); an interval over bounds shows nothing."
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
