/**
 * Whether a study's claims hold, by the intervals of its paired comparisons.
 *
 * @module
 */

import { compareMethods } from "./compare_methods.ts";
import { type Comparison, comparisonTest, noEffect } from "./comparison.ts";
import { comparesAsRatio } from "./measures.ts";
import { confidence, holm } from "./statistics.ts";
import type { Claim, Metric } from "./study.ts";
import { cellsOf, failuresOf, methodsOf, type StudyResults } from "./study_results.ts";

/** Seeds that a claim asks for in a cell (docs/study.md): what fewer say stands beside the verdict, and does not make a claim hold. */
export const seedsOfAClaim = 5;

/**
 * What a claim comes to. `holds`: in every cell looked at the interval lies above the margin, over seeds enough. `holds partly`: in some of them only.
 * `not shown`: in none, but all means lie above it. `cannot be said`: no cell has two common seeds.
 */
export type Verdict = "holds" | "holds partly" | "not shown" | "does not hold" | "cannot be said";

/**
 * What one cell says, whatever its seeds. `holds`: the interval lies above the margin; `leans`: only the mean does; `against`: neither, or a mean that is but
 * a bound from above; `opposite`: the interval lies below the margin; `unknown`: fewer than two common seeds.
 */
export type Standing = "holds" | "leans" | "against" | "opposite" | "unknown";

/** A claim in one cell. */
export interface CellFinding {
  /** The cell's name. */
  readonly cell: string;
  /** What stands against what. */
  readonly comparison: Comparison;
  /** By the interval. */
  readonly standing: Standing;
  /** Two-sided p of the margin, and the same after Holm's adjustment for all comparisons of the study's claims; absent with fewer than two seeds. */
  readonly p?: number;
  readonly adjusted?: number;
  /** Runs that failed, of the method and of the one it is compared with. */
  readonly failed: readonly [number, number];
}

/** A claim and what the study says of it. */
export interface Finding {
  /** The claim. */
  readonly claim: Claim;
  /** Where the interval has to lie above. */
  readonly margin: number;
  /** In each cell looked at. */
  readonly cells: readonly CellFinding[];
  /** Over the cells. */
  readonly verdict: Verdict;
  /** The same when a cell counts only if its adjusted p is below 0.05. */
  readonly strict: Verdict;
}

/** Judges all claims of a study. */
export function judgeClaims(results: StudyResults): Finding[] {
  const judged = results.study.claims.map((claim) => {
    const margin = claim.margin ?? noEffect(comparesAsRatio(claim.metric) ? "ratio" : "difference");
    const cells = claimCells(results, claim).map((cell): CellFinding => {
      const comparison = compareMethods(results, cell, claim.metric, claim.method, claim.than);
      const p = comparisonTest(comparison, margin);
      return {
        cell,
        comparison,
        standing: standingOf(comparison, margin),
        ...(p !== undefined && { p }),
        failed: [
          failuresOf(results, cell, claim.method).length,
          failuresOf(results, cell, claim.than).length,
        ],
      };
    });
    return { claim, margin, cells };
  });
  const adjusted = holm(judged.flatMap(({ cells }) => cells.flatMap(({ p }) => p ?? [])));
  let place = 0;
  return judged.map(({ claim, margin, cells }) => {
    const told = cells.map((cell) =>
      cell.p === undefined ? cell : { ...cell, adjusted: adjusted[place++] }
    );
    return {
      claim,
      margin,
      cells: told,
      verdict: verdictOf(told.map(countedStanding)),
      strict: verdictOf(
        told.map((cell) => survivesHolm(cell) ? countedStanding(cell) : weaker(cell.standing)),
      ),
    };
  });
}

/** How many comparisons the claims of a study rest on. */
export function comparisonCount(findings: readonly Finding[]): number {
  return findings.flatMap(({ cells }) => cells).filter(({ p }) => p !== undefined).length;
}

/** Metrics as sentences call them. */
export const metricNames: Readonly<Record<Metric, string>> = {
  testAtFinal: "test accuracy after the last round",
  testAtBest: "test accuracy of the round best in validation",
  final: "validation accuracy after the last round",
  best: "best validation accuracy",
  worstClient: "accuracy of the worst client",
  finalLoss: "validation loss after the last round",
  roundsToTarget: "rounds to the target",
  bytesToTarget: "bytes up to the target",
  roundsToRivalsBest: "rounds to the rival's best validation accuracy",
};

function claimCells({ study }: StudyResults, { cells, method, than }: Claim): readonly string[] {
  return cells ?? cellsOf(study).filter((cell) => {
    const methods = methodsOf(study, cell);
    return methods.includes(method) && methods.includes(than);
  });
}

function standingOf({ pairs, unknown, mean, interval }: Comparison, margin: number): Standing {
  if (mean === undefined || interval === undefined) return "unknown";
  const [low, high] = interval;
  // The mean of bounds is a bound, their interval is none: a value further off would widen it. Of a pair of unknown effect nothing is known at all.
  const exact = unknown.length === 0 && pairs.every(({ bound }) => bound === "exact");
  if (low > margin && exact) return "holds";
  if (high < margin && exact) return "opposite";
  return mean > margin && pairs.every(({ bound }) => bound !== "at most") ? "leans" : "against";
}

/** Whether what a cell's interval says is left when all comparisons of the study are looked at together. */
export function survivesHolm({ adjusted }: CellFinding): boolean {
  return adjusted !== undefined && adjusted < 1 - confidence;
}

function countedStanding({ standing, comparison }: CellFinding): Standing {
  return comparison.pairs.length < seedsOfAClaim ? weaker(standing) : standing;
}

function weaker(standing: Standing): Standing {
  return standing === "holds" ? "leans" : standing;
}

function verdictOf(standings: readonly Standing[]): Verdict {
  const known = standings.filter((standing) => standing !== "unknown");
  if (known.length === 0) return "cannot be said";
  const holding = known.filter((standing) => standing === "holds");
  if (holding.length === standings.length) return "holds";
  if (holding.length > 0) return "holds partly";
  return known.every((standing) => standing === "leans") ? "not shown" : "does not hold";
}
