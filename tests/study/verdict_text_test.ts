import assert from "node:assert/strict";
import type { Claim } from "../../src/study/study.ts";
import { cellText, claimText, verdictText } from "../../src/study/verdict_text.ts";
import { type Finding, judgeClaims } from "../../src/study/verdicts.ts";
import { scoredStudy } from "./scored_study.ts";

const better: Claim = { text: "A beats B", metric: "testAtFinal", method: "A", than: "B" };
const far = { A: [0.5, 0.52, 0.54, 0.53, 0.51], B: [0.4, 0.43, 0.45, 0.42, 0.41] };
const below = { A: far.B, B: far.A };
const judge = (...given: Parameters<typeof scoredStudy>): Finding =>
  judgeClaims(scoredStudy(...given))[0];

Deno.test("verdictText() tells the interval in every cell, the cells by what they say", () => {
  // Differences 0.10, 0.09, 0.09, 0.11, 0.10: mean 9.8, s 0.837, 2.776 · s / √5 = 1.04 points.
  const finding = judge({
    worse: below,
    iid: far,
    lone: { A: [0.5], B: [0.4] },
    skewed: far,
    open: { A: [0.6, 0.5, 0.5, 0.5, 0.5], B: [0.5, 0.5, 0.5, 0.5, 0.5] },
  }, [better]);
  assert.equal(
    verdictText(finding, 4),
    "Holds in iid (+9.8 points [+8.8, +10.8]), skewed (+9.8 points [+8.8, +10.8]). " +
      "Not shown in open (+2.0 points [−3.6, +7.6]): the mean lies on the claim's side, but the " +
      "interval does not exclude the margin, or rests on bounds. " +
      "The opposite holds in worse (−9.8 points [−10.8, −8.8]). " +
      "Cannot be said in lone, for want of two common seeds with a value. " +
      "After Holm's adjustment for 4 comparisons: the same. " +
      "After Holm's adjustment for 4 comparisons the opposite holds in worse.",
  );
});

Deno.test("verdictText() tells of two to four seeds, on which no claim holds", () => {
  for (const seeds of [2, 3, 4]) {
    const few = { A: far.A.slice(0, seeds), B: far.B.slice(0, seeds) };
    const finding = judge({ iid: few }, [{ ...better, margin: 0.01 }]);
    const text = verdictText(finding, 1);
    assert.match(text, /^Holds in iid \(/);
    assert.ok(text.endsWith(`. Fewer than 5 seeds in iid (${seeds}), on which no claim holds.`));
  }
  assert.doesNotMatch(verdictText(judge({ iid: far }, [better]), 1), /Fewer/);
});

Deno.test("verdictText() tells what Holm's adjustment leaves of a claim that holds", () => {
  const some = { A: [0.5, 0.5, 0.5, 0.5, 0.5], B: [0.48, 0.49, 0.47, 0.495, 0.47] };
  const [finding] = judgeClaims(scoredStudy({ iid: some }, Array(10).fill(better)));
  assert.match(verdictText(finding, 10), /adjustment for 10 comparisons: not shown\.$/);
  const against = judge({ iid: below }, [better]);
  assert.match(verdictText(against, 1), /comparison the opposite holds in iid\.$/);
  assert.doesNotMatch(verdictText(judge({ iid: { A: [0.5], B: [0.4] } }, [better]), 1), /Holm/);
});

Deno.test("claimText() tells what has to lie above what, as a share where rounds or bytes are counted", () => {
  const text = (claim: Partial<Claim>): string =>
    claimText(judge({ iid: far, skewed: far }, [{ ...better, ...claim }]));
  assert.equal(
    text({}),
    "A − B, test accuracy after the last round; to lie above 0.0 points; in iid, skewed.",
  );
  assert.equal(
    text({ margin: -0.01, cells: ["iid"] }),
    "A − B, test accuracy after the last round; to lie above −1.0 points (not worse by more); in iid.",
  );
  assert.equal(
    text({ metric: "roundsToRivalsBest", margin: 1.667, cells: ["iid"] }),
    "B / A, rounds to the rival's best validation accuracy; to lie above 1.67, that is below " +
      "0.60 of the rounds; in iid.",
  );
  assert.match(
    text({ metric: "finalLoss" }),
    /^B \/ A, validation loss after the last round; to lie above 1\.00, that is below 1\.00 of the loss;/,
  );
  assert.match(
    text({ metric: "bytesToTarget" }),
    /^B \/ A, bytes up to the target; to lie above 1\.00, that is below 1\.00 of the bytes;/,
  );
});

Deno.test("cellText() tells of one seed, of none, and of runs that failed", () => {
  const one = judge({ iid: { A: [0.5, NaN], B: [0.4, 0.4] } }, [better]);
  assert.equal(
    cellText(one.cells[0], one),
    "iid: +10.0 points, n = 1; no interval from one seed; 1 run of A failed: cannot be said.",
  );
  const none = judge({ iid: { A: [NaN], B: [0.4] } }, [better]);
  assert.match(cellText(none.cells[0], none), /^iid: nothing to compare; 1 run of A failed/);
});

const nowhere = { iid: { A: [1, 1, 1], B: [1, 1, 1] } };
/** Accuracies of four rounds of which the last is the best, and `at` the first that has as much. */
const reaching = (at: number): number[] => [1, 2, 3, 4].map((round) => round >= at ? 0.6 : 0.1);

Deno.test("verdictText() and cellText() tell ratios as the share that the method needs", () => {
  const claim: Claim = { ...better, metric: "roundsToRivalsBest", margin: 1.667 };
  // B has its best in rounds 4, 4 and 3, A as much in rounds 2, 2 and 1: ratios 2, 2 and 3.
  const finding = judge(
    nowhere,
    [claim],
    (method, seed) => reaching((seed === 3 ? 3 : 4) - (method === "A" ? 2 : 0)),
  );
  // Logarithms of 2, 2, 3: mean 0.828, s / √3 = 0.135, t = 4.303: 2.29 · exp(± 0.582).
  assert.equal(
    verdictText(finding, 1),
    "Not shown in iid (in 0.44 [0.24, 0.78] of the rounds): the mean lies on the claim's side, " +
      "but the interval does not exclude the margin, or rests on bounds. " +
      "Fewer than 5 seeds in iid (3), on which no claim holds.",
  );
  assert.equal(
    cellText(finding.cells[0], finding),
    "iid: 2.29 [1.28, 4.10], that is in 0.44 [0.24, 0.78] of the rounds, n = 3: not shown.",
  );
});

Deno.test("cellText() tells which method did not get there, and turns the bound with the ratio", () => {
  const faster: Claim = { ...better, metric: "roundsToTarget" };
  const never = judge(
    nowhere,
    [faster],
    (method, seed) => reaching(method === "A" ? 1 : seed === 1 ? 3 : Infinity),
  );
  assert.match(
    cellText(never.cells[0], never),
    /^iid: ≥ 3\.63 \[.*\], that is in ≤ 0\.28 \[.*\] of the rounds, n = 3; B did not get there with 2 seeds: not shown\.$/,
  );
  const bounded = judge(
    nowhere,
    [faster],
    (method, seed) => reaching(method === "A" && seed === 2 ? Infinity : 2),
  );
  assert.match(
    cellText(bounded.cells[0], bounded),
    /^iid: ≤ .*, that is in ≥ .*; A did not get there with 1 seed: does not hold\.$/,
  );
  const unknown = judge(nowhere, [faster], (_, seed) => reaching(seed === 2 ? Infinity : 2));
  assert.match(cellText(unknown.cells[0], unknown), /no ratio with 1 seed/);
});

Deno.test("cellText() tells where an interval has no width because all seeds are alike", () => {
  const claim: Claim = { ...better, metric: "roundsToTarget" };
  const alike = judge(nowhere, [claim], (method) => reaching(method === "A" ? 2 : 4));
  assert.match(
    cellText(alike.cells[0], alike),
    /^iid: 2\.00 \[2\.00, 2\.00\], .*; the same with every seed, which leaves the interval no width: holds\.$/,
  );
});
