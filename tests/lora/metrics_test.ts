import assert from "node:assert/strict";
import fc from "fast-check";
import { classificationScore, largestMistakes, majorityScore } from "../../src/lora/metrics.ts";

Deno.test("classificationScore gives what is worked out by hand", () => {
  // Rows of a: 3 as a, 1 as b. Of b: 2 as a, 2 as b, 1 as c. Of c: 1 as c.
  const score = classificationScore([[3, 1, 0], [2, 2, 1], [0, 0, 1]]);
  assert.equal(score.rows, 10);
  assert.equal(score.accuracy, 6 / 10);
  assert.deepEqual(score.perLabel, [
    { precision: 3 / 5, recall: 3 / 4, f1: 6 / 9, support: 4 },
    { precision: 2 / 3, recall: 2 / 5, f1: 4 / 8, support: 5 },
    { precision: 1 / 2, recall: 1, f1: 2 / 3, support: 1 },
  ]);
  assert.ok(Math.abs(score.macroF1 - (6 / 9 + 4 / 8 + 2 / 3) / 3) < 1e-15);
});

Deno.test("classificationScore counts shares of nothing as 0, and labels that do not occur not at all", () => {
  // b has rows and is never predicted, c is predicted and has no rows, d is neither.
  const score = classificationScore([[2, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]);
  const none = { precision: 0, recall: 0, f1: 0 };
  assert.deepEqual(score.perLabel.slice(1), [
    { ...none, support: 1 },
    { ...none, support: 0 },
    { ...none, support: 0 },
  ]);
  assert.equal(score.perLabel[0].f1, 4 / 6);
  assert.equal(score.macroF1, (4 / 6 + 0 + 0) / 3, "a mean over a, b and c");
  const empty = classificationScore([[0, 0], [0, 0]]);
  assert.deepEqual([empty.rows, empty.accuracy, empty.macroF1], [0, 0, 0]);
});

Deno.test("classificationScore refuses a table that is not square", () => {
  assert.throws(
    () => classificationScore([[1, 2], [3]]),
    /^RangeError: .* expected 2 columns, got rows of 2, 1$/,
  );
});

Deno.test("majorityScore always takes the commonest label, the first of several", () => {
  const { label, accuracy, macroF1 } = majorityScore([[0, 1, 0], [3, 0, 0], [0, 2, 1]]);
  assert.deepEqual([label, accuracy], [1, 3 / 7]);
  assert.equal(macroF1, (0 + 6 / 10 + 0) / 3);
});

Deno.test("largestMistakes are in order, without what is right and what never happened", () => {
  assert.deepEqual(largestMistakes([[9, 2, 0], [2, 9, 5], [1, 0, 9]], 3), [
    { label: 1, predicted: 2, rows: 5 },
    { label: 0, predicted: 1, rows: 2 },
    { label: 1, predicted: 0, rows: 2 },
  ]);
});

/** Labels and predictions of some rows, by number. */
const predictions = fc.integer({ min: 2, max: 6 }).chain((labels) =>
  fc.record({
    labels: fc.constant(labels),
    rows: fc.array(fc.tuple(fc.nat(labels - 1), fc.nat(labels - 1)), { minLength: 1 }),
  })
);

function confusionOf(labels: number, rows: readonly (readonly [number, number])[]): number[][] {
  const table = Array.from({ length: labels }, () => Array<number>(labels).fill(0));
  for (const [label, predicted] of rows) table[label][predicted]++;
  return table;
}

Deno.test("classificationScore agrees with its definitions row by row", () => {
  fc.assert(fc.property(predictions, ({ labels, rows }) => {
    const score = classificationScore(confusionOf(labels, rows));
    assert.equal(
      score.accuracy,
      rows.filter(([label, taken]) => label === taken).length / rows.length,
    );
    const f1 = Array.from({ length: labels }, (_, label) => {
      const hits = rows.filter((row) => row[0] === label && row[1] === label).length;
      const misses = rows.filter((row) => (row[0] === label) !== (row[1] === label)).length;
      return hits + misses === 0 ? undefined : hits / (hits + misses / 2);
    });
    score.perLabel.forEach((one, label) => {
      assert.ok(Math.abs(one.f1 - (f1[label] ?? 0)) < 1e-12);
      const { precision, recall } = one;
      const mean = precision + recall === 0 ? 0 : 2 * precision * recall / (precision + recall);
      assert.ok(Math.abs(one.f1 - mean) < 1e-12, "F1 is the harmonic mean");
    });
    const occurring = f1.filter((value) => value !== undefined);
    const macro = occurring.reduce((sum, value) => sum + value, 0) / occurring.length;
    assert.ok(Math.abs(score.macroF1 - macro) < 1e-12);
  }));
});

Deno.test("classificationScore does not depend on the order of labels", () => {
  fc.assert(fc.property(predictions, ({ labels, rows }) => {
    const score = classificationScore(confusionOf(labels, rows));
    const turned = rows.map(([label, taken]) => [labels - 1 - label, labels - 1 - taken] as const);
    const other = classificationScore(confusionOf(labels, turned));
    assert.deepEqual(other.perLabel.toReversed(), score.perLabel);
    assert.equal(other.accuracy, score.accuracy);
    assert.ok(Math.abs(other.macroF1 - score.macroF1) < 1e-12);
  }));
});
