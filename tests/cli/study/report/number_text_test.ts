import assert from "node:assert/strict";
import {
  accuracyText,
  lostText,
  rangesText,
  referenceText,
  targetText,
} from "../../../../src/cli/study/report/number_text.ts";

Deno.test("accuracyText() gives mean and standard deviation, of one value the value", () => {
  assert.equal(accuracyText([0.25, 0.75]), "50.0 ± 35.4");
  assert.equal(accuracyText([0.279]), "27.9");
  assert.equal(accuracyText([]), "–");
  assert.equal(accuracyText([-0.02]), "−2.0");
  assert.equal(accuracyText([-0.0001]), "0.0");
});

Deno.test("lostText() tells what is exactly zero from what is rounded to it", () => {
  assert.equal(lostText([0, 0]), "0");
  assert.equal(lostText([0, 1e-9]), "0.0 ± 0.0");
  assert.equal(lostText([]), "–");
});

Deno.test("referenceText() keeps what was given, to two decimals", () => {
  assert.deepEqual([0.6985, 0.831, 0.5].map(referenceText), ["69.85", "83.1", "50.0"]);
});

Deno.test("targetText() is the median with the count that got there, or what lies below it", () => {
  const reached = (value: number) => ({ value, reached: true });
  const never = (value: number) => ({ value, reached: false });
  assert.equal(targetText([reached(4), reached(9), never(40)], String), "9 (2 of 3)");
  assert.equal(targetText([reached(4), never(40), never(40)], String), "> 40 (1 of 3)");
  assert.equal(targetText([reached(4), never(40)], String), "> 40 (1 of 2)");
  assert.equal(targetText([reached(4), reached(7)], (value) => `${value} B`), "5.5 B (2 of 2)");
  assert.equal(targetText([], String), "–");
});

Deno.test("rangesText() draws neighbours together", () => {
  assert.equal(rangesText([1, 2, 3, 7, 9, 10]), "1–3, 7, 9, 10");
  assert.equal(rangesText([]), "");
});
