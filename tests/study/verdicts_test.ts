import assert from "node:assert/strict";
import type { StudyRun } from "../../src/study/result.ts";
import type { Claim } from "../../src/study/study.ts";
import type { StudyResults } from "../../src/study/study_results.ts";
import { cellText, claimText, verdictText } from "../../src/study/verdict_text.ts";
import { comparisonCount, type Finding, judgeClaims } from "../../src/study/verdicts.ts";
import { sampleStudy } from "./sample_study.ts";

/** Accuracies on the test rows by method, one a seed from 1 on; NaN where the seed's run failed. */
type Scores = Readonly<Record<string, readonly number[]>>;

/** A study of two cells with these scores, and a round at each of which the accuracy is `rounds`' next. */
function resultsOf(
  cells: Readonly<Record<string, Scores>>,
  claims: readonly Claim[],
  rounds?: (method: string, seed: number) => readonly number[],
): StudyResults {
  const settings = { settings: {}, peak: 0.5, pace: 4 };
  const [first] = Object.values(cells);
  const results = sampleStudy({
    rounds: 4,
    cells: Object.fromEntries(
      Object.keys(cells).map((cell) => [cell, { settings: {}, level: 1 }] as const),
    ),
    methods: Object.fromEntries(Object.keys(first).map((name) => [name, settings] as const)),
    grid: Object.entries(cells).flatMap(([cell, scores]) =>
      Object.entries(scores).map(([method, values]) => ({
        cells: [cell],
        methods: [method],
        seeds: values.map((_, index) => index + 1),
      }))
    ),
    study: { claims, targets: Object.fromEntries(Object.keys(cells).map((cell) => [cell, 0.5])) },
  });
  const scored = results.runs.map((run): StudyRun => {
    const accuracyAtFinal = cells[run.cell][run.method][run.seed - 1];
    const accuracies = rounds?.(run.method, run.seed);
    return {
      ...run,
      summary: { ...run.summary, test: { rows: 1, accuracyAtBest: 0, accuracyAtFinal } },
      rounds: accuracies === undefined
        ? run.rounds
        : run.rounds.map((round, index) => ({ ...round, accuracy: accuracies[index] })),
    };
  });
  const failed = scored.filter(({ cell, method, seed }) =>
    Number.isNaN(cells[cell][method][seed - 1])
  );
  return {
    ...results,
    runs: scored.filter((run) => !failed.includes(run)),
    failed: failed.map((run) => ({ ...run, failed: "It diverged" })),
  };
}

const better: Claim = { text: "A beats B", metric: "testAtFinal", method: "A", than: "B" };
const far = { A: [0.5, 0.52, 0.54, 0.53, 0.51], B: [0.4, 0.43, 0.45, 0.42, 0.41] };
const near = { A: [0.5, 0.52, 0.54, 0.53, 0.51], B: [0.51, 0.5, 0.53, 0.54, 0.5] };
const below = { A: far.B, B: far.A };
const judge = (results: StudyResults): Finding => judgeClaims(results)[0];
const told = (finding: Finding): string => verdictText(finding, 1);

Deno.test("judgeClaims() lets a claim hold where all intervals lie above the margin", () => {
  const finding = judge(resultsOf({ iid: far, skewed: far }, [better]));
  assert.equal(finding.verdict, "holds");
  assert.deepEqual(finding.cells.map(({ standing }) => standing), ["holds", "holds"]);
  assert.match(told(finding), /^Holds in all 2 cells looked at\. After Holm's/);
  // Differences 0.10, 0.09, 0.09, 0.11, 0.10: mean 9.8, s 0.837, 2.776 · s / √5 = 1.04 points.
  assert.equal(
    cellText(finding.cells[0], finding),
    "iid: +9.8 points [+8.8, +10.8], n = 5: holds.",
  );
  assert.equal(
    claimText(finding),
    "A − B, test accuracy after the last round; to lie above 0.0 points; in iid, skewed.",
  );
});

Deno.test("judgeClaims() lets a claim hold partly where some intervals do, or only the means", () => {
  const some = judge(resultsOf({ iid: far, skewed: near, worse: below }, [better]));
  assert.equal(some.verdict, "holds partly");
  assert.deepEqual(some.cells.map(({ standing }) => standing), ["holds", "leans", "opposite"]);
  assert.match(told(some), /^Holds in 1 of 3 cells: iid\. The opposite holds in worse\./);
  const means = judge(resultsOf({ iid: near }, [better]));
  assert.equal(means.verdict, "holds partly");
  assert.match(told(means), /^Holds partly: the means lie on the claim's side/);
});

Deno.test("judgeClaims() refuses a claim without an interval and without all means on its side", () => {
  const finding = judge(resultsOf({ iid: near, worse: below }, [better]));
  assert.equal(finding.verdict, "does not hold");
  assert.equal(
    told(finding),
    "Does not hold: no interval lies above the margin in all 2 cells looked at. " +
      "The opposite holds in worse.",
  );
});

Deno.test("judgeClaims() cannot say anything of fewer than two common seeds", () => {
  const one = judge(resultsOf({ iid: { A: [0.5, NaN], B: [0.4, 0.4] } }, [better]));
  assert.equal(one.verdict, "cannot be said");
  assert.equal(one.cells[0].p, undefined);
  assert.equal(
    cellText(one.cells[0], one),
    "iid: +10.0 points, n = 1; no interval from one seed; 1 run of A failed: cannot be said.",
  );
  const none = judge(resultsOf({ iid: { A: [NaN], B: [0.4] } }, [better]));
  assert.match(cellText(none.cells[0], none), /^iid: nothing to compare; 1 run of A failed/);
  // A cell of which nothing is known keeps a claim from holding everywhere.
  const half = judge(resultsOf({ iid: far, skewed: { A: [0.5], B: [0.4] } }, [better]));
  assert.equal(half.verdict, "holds partly");
});

Deno.test("judgeClaims() tells of fewer seeds than a claim asks for", () => {
  const few = { A: far.A.slice(0, 3), B: far.B.slice(0, 3) };
  assert.match(
    told(judge(resultsOf({ iid: few }, [better]))),
    /Fewer than 5 seeds in iid \(3\)\./,
  );
  assert.doesNotMatch(told(judge(resultsOf({ iid: far }, [better]))), /Fewer/);
});

Deno.test("judgeClaims() holds intervals against the margin", () => {
  const notWorse: Claim = { ...better, margin: -0.02 };
  const finding = judge(resultsOf({ iid: near }, [notWorse]));
  assert.equal(finding.verdict, "holds");
  assert.equal(
    judge(resultsOf({ iid: far }, [{ ...better, margin: 0.09 }])).verdict,
    "holds partly",
  );
});

Deno.test("judgeClaims() looks only at the cells named, and else at those with both methods", () => {
  const cells = { iid: far, skewed: below, lone: { A: [0.5] } };
  const named = judge(resultsOf(cells, [{ ...better, cells: ["iid"] }]));
  assert.deepEqual([named.verdict, named.cells.length], ["holds", 1]);
  const all = judge(resultsOf(cells, [better]));
  assert.deepEqual(all.cells.map(({ cell }) => cell), ["iid", "skewed"]);
});

Deno.test("judgeClaims() adjusts by Holm over all comparisons of all claims", () => {
  // Differences 0.02, 0.01, 0.03, 0.005, 0.03: mean 1.9 points, s / √5 = 0.51, t = 3.7, p = 0.02.
  const some = { A: [0.5, 0.5, 0.5, 0.5, 0.5], B: [0.48, 0.49, 0.47, 0.495, 0.47] };
  const [alone] = judgeClaims(resultsOf({ iid: some }, [better]));
  assert.deepEqual([alone.verdict, alone.strict], ["holds", "holds"]);
  const findings = judgeClaims(resultsOf({ iid: some }, Array(10).fill(better)));
  assert.equal(comparisonCount(findings), 10);
  assert.deepEqual([findings[0].verdict, findings[0].strict], ["holds", "holds partly"]);
  const { p, adjusted } = findings[0].cells[0];
  assert.equal(adjusted, Math.min(1, 10 * p!));
  assert.match(verdictText(findings[0], 10), /adjustment for 10 comparisons: holds partly\.$/);
});

const faster: Claim = { text: "A is faster", metric: "roundsToTarget", method: "A", than: "B" };
const nowhere = { A: [1, 1, 1], B: [1, 1, 1] };
/** Accuracies of four rounds that reach the target of 0.5 in round `at`, or never. */
const reaching = (at: number): number[] => [1, 2, 3, 4].map((round) => round >= at ? 0.6 : 0.1);

Deno.test("judgeClaims() counts a rival that never gets there as its last round, for the claim", () => {
  const finding = judge(
    resultsOf(
      { iid: nowhere },
      [faster],
      (method, seed) =>
        method === "A" ? reaching(1) : seed === 1 ? reaching(3) : reaching(Infinity),
    ),
  );
  assert.equal(finding.verdict, "holds");
  assert.match(
    cellText(finding.cells[0], finding),
    /^iid: ≥ 3\.63 \[.*\], n = 3; B did not reach the target with 2 seeds: holds\.$/,
  );
  assert.match(claimText(finding), /^B \/ A, rounds to the target; to lie above 1\.00;/);
});

Deno.test("judgeClaims() never lets a claim hold where its own method does not get there", () => {
  const bounded = judge(
    resultsOf(
      { iid: nowhere },
      [{ ...faster, margin: 0.1 }],
      (method, seed) => method === "A" && seed === 2 ? reaching(Infinity) : reaching(2),
    ),
  );
  const [cell] = bounded.cells;
  assert.equal(cell.standing, "leans");
  assert.match(cellText(cell, bounded), /≤ .*A did not reach the target with 1 seed/);
  const unknown = judge(
    resultsOf(
      { iid: nowhere },
      [{ ...faster, margin: 0.1 }],
      (method, seed) =>
        seed === 2 ? reaching(Infinity) : method === "A" ? reaching(1) : reaching(2),
    ),
  );
  assert.equal(unknown.cells[0].standing, "leans");
  assert.match(cellText(unknown.cells[0], unknown), /no ratio with 1 seed/);
});

Deno.test("judgeClaims() refuses a margin that no ratio has", () => {
  assert.throws(
    () => judgeClaims(resultsOf({ iid: far }, [{ ...faster, margin: 0 }])),
    /Cannot check the claim "A is faster": expected a margin above 0 for a ratio, got 0/,
  );
});
