import assert from "node:assert/strict";
import type { Claim } from "../../src/study/study.ts";
import { comparisonCount, type Finding, judgeClaims } from "../../src/study/verdicts.ts";
import { scoredStudy } from "./scored_study.ts";

const better: Claim = { text: "A beats B", metric: "testAtFinal", method: "A", than: "B" };
const far = { A: [0.5, 0.52, 0.54, 0.53, 0.51], B: [0.4, 0.43, 0.45, 0.42, 0.41] };
const near = { A: [0.5, 0.52, 0.54, 0.53, 0.51], B: [0.51, 0.5, 0.53, 0.54, 0.5] };
const below = { A: far.B, B: far.A };
const judge = (...given: Parameters<typeof scoredStudy>): Finding =>
  judgeClaims(scoredStudy(...given))[0];
const standings = ({ cells }: Finding): string[] => cells.map(({ standing }) => standing);

Deno.test("judgeClaims() lets a claim hold where all intervals lie above the margin", () => {
  const finding = judge({ iid: far, skewed: far }, [better]);
  assert.equal(finding.verdict, "holds");
  assert.deepEqual(standings(finding), ["holds", "holds"]);
});

Deno.test("judgeClaims() lets a claim hold partly where some intervals do", () => {
  const finding = judge({ iid: far, skewed: near, worse: below }, [better]);
  assert.equal(finding.verdict, "holds partly");
  assert.deepEqual(standings(finding), ["holds", "leans", "opposite"]);
});

Deno.test("judgeClaims() lets no claim hold on fewer than five seeds, whatever their interval", () => {
  const few = { A: far.A.slice(0, 4), B: far.B.slice(0, 4) };
  const alone = judge({ iid: few }, [better]);
  assert.deepEqual([alone.verdict, standings(alone)], ["not shown", ["holds"]]);
  assert.equal(judge({ iid: far, skewed: few }, [better]).verdict, "holds partly");
});

Deno.test("judgeClaims() takes means without intervals for nothing shown", () => {
  assert.equal(judge({ iid: near }, [better]).verdict, "not shown");
  const finding = judge({ iid: near, worse: below }, [better]);
  assert.deepEqual([finding.verdict, standings(finding)], ["does not hold", ["leans", "opposite"]]);
});

Deno.test("judgeClaims() cannot say anything of fewer than two common seeds, by any metric", () => {
  for (const metric of ["testAtFinal", "roundsToTarget", "roundsToRivalsBest"] as const) {
    const claim = { ...better, metric, margin: metric === "testAtFinal" ? -0.9 : 0.01 };
    const one = judge({ iid: { A: [0.5, NaN], B: [0.4, 0.4] } }, [claim]);
    assert.deepEqual([one.verdict, one.strict], ["cannot be said", "cannot be said"]);
    assert.equal(one.cells[0].p, undefined);
    // Seeds 1 and 2 against seed 1: one pair, however many runs.
    assert.equal(judge({ iid: { A: [0.5, 0.5], B: [0.4] } }, [claim]).verdict, "cannot be said");
  }
  // A cell of which nothing is known keeps a claim from holding everywhere.
  const half = judge({ iid: far, skewed: { A: [0.5], B: [0.4] } }, [better]);
  assert.equal(half.verdict, "holds partly");
});

Deno.test("judgeClaims() holds intervals, not means, against the margin of a claim of no harm", () => {
  const within: Claim = { ...better, margin: -0.01 };
  // Means −0.4 points in both; only the first is sure to be above −1.
  const B = [0.5, 0.51, 0.52, 0.53, 0.54];
  const close = B.map((value, index) => value - [0.004, 0.002, 0.006, 0.003, 0.005][index]);
  const wide = B.map((value, index) => value - [0.024, -0.02, 0.026, -0.015, 0.005][index]);
  assert.equal(judge({ iid: { A: close, B } }, [within]).verdict, "holds");
  assert.equal(judge({ iid: { A: wide, B } }, [within]).verdict, "not shown");
  const worse = judge({ iid: { A: close.map((value) => value - 0.02), B } }, [within]);
  assert.deepEqual([worse.verdict, standings(worse)], ["does not hold", ["opposite"]]);
  // An interval that holds 0 shows neither that one is better nor that both are level.
  assert.equal(judge({ iid: { A: wide, B } }, [better]).verdict, "does not hold");
});

Deno.test("judgeClaims() asks of a claim to be above that the interval excludes 0", () => {
  assert.equal(judge({ iid: far }, [better]).verdict, "holds");
  assert.equal(judge({ iid: far }, [{ ...better, margin: 0.09 }]).verdict, "not shown");
  assert.equal(judge({ iid: far }, [{ ...better, margin: 0.2 }]).verdict, "does not hold");
});

Deno.test("judgeClaims() looks only at the cells named, and else at those with both methods", () => {
  const cells = { iid: far, skewed: below, lone: { A: [0.5] } };
  const named = judge(cells, [{ ...better, cells: ["iid"] }]);
  assert.deepEqual([named.verdict, named.cells.length], ["holds", 1]);
  assert.deepEqual(judge(cells, [better]).cells.map(({ cell }) => cell), ["iid", "skewed"]);
});

Deno.test("judgeClaims() adjusts by Holm over all comparisons of all claims", () => {
  // Differences 0.02, 0.01, 0.03, 0.005, 0.03: mean 1.9 points, s / √5 = 0.51, t = 3.7, p = 0.02.
  const some = { A: [0.5, 0.5, 0.5, 0.5, 0.5], B: [0.48, 0.49, 0.47, 0.495, 0.47] };
  const alone = judge({ iid: some }, [better]);
  assert.deepEqual([alone.verdict, alone.strict], ["holds", "holds"]);
  const findings = judgeClaims(scoredStudy({ iid: some }, Array(10).fill(better)));
  assert.equal(comparisonCount(findings), 10);
  assert.deepEqual([findings[0].verdict, findings[0].strict], ["holds", "not shown"]);
  const { p, adjusted } = findings[0].cells[0];
  assert.equal(adjusted, Math.min(1, 10 * p!));
});

const nowhere = { iid: { A: [1, 1, 1], B: [1, 1, 1] } };
const faster: Claim = { text: "A is faster", metric: "roundsToTarget", method: "A", than: "B" };
/** Accuracies of four rounds that reach the target of 0.5 in round `at`, or never. */
const reaching = (at: number): number[] => [1, 2, 3, 4].map((round) => round >= at ? 0.6 : 0.1);

Deno.test("judgeClaims() counts a rival that never gets there as its last round, whose interval shows nothing", () => {
  const finding = judge(
    nowhere,
    [faster],
    (method, seed) => method === "A" ? reaching(1) : reaching(seed === 1 ? 3 : Infinity),
  );
  assert.ok(finding.cells[0].comparison.interval![0] > 1);
  assert.deepEqual([finding.verdict, standings(finding)], ["not shown", ["leans"]]);
});

Deno.test("judgeClaims() never lets a claim hold where its own method does not get there", () => {
  const slow = { ...faster, margin: 0.1 };
  const bounded = judge(
    nowhere,
    [slow],
    (method, seed) => reaching(method === "A" && seed === 2 ? Infinity : 2),
  );
  // All ratios lie above 0.1, and one of them is at most 1/2: it may be below.
  assert.deepEqual([bounded.verdict, standings(bounded)], ["does not hold", ["against"]]);
  const unknown = judge(
    nowhere,
    [slow],
    (method, seed) => reaching(seed === 2 ? Infinity : method === "A" ? 1 : 2),
  );
  assert.deepEqual(standings(unknown), ["leans"]);
});

Deno.test("judgeClaims() counts rounds to the rival's best, in both directions", () => {
  const claim: Claim = { ...faster, metric: "roundsToRivalsBest", margin: 1.667 };
  const turned: Claim = { ...claim, method: "B", than: "A" };
  const steps = [0.1, 0.2, 0.3, 0.4];
  const ahead = [0.3, 0.4, 0.5, 0.6];
  // A has B's best in its second round: half of B's four. B never has A's.
  const course = (method: string): number[] => method === "A" ? ahead : steps;
  const [one, other] = judgeClaims(scoredStudy(nowhere, [claim, turned], course));
  assert.deepEqual([one.verdict, standings(one)], ["not shown", ["holds"]]);
  assert.deepEqual([other.verdict, standings(other)], ["does not hold", ["against"]]);
  // With one seed A stays below B's best, so that no mean can speak for the claim.
  const stuck = (method: string, seed: number): number[] =>
    method === "A" && seed === 3 ? [0.3, 0.3, 0.3, 0.3] : course(method);
  const censored = judge(nowhere, [{ ...claim, margin: 1.1 }], stuck);
  assert.ok(censored.cells[0].comparison.mean! > 1.1);
  assert.deepEqual([censored.verdict, standings(censored)], ["does not hold", ["against"]]);
});
