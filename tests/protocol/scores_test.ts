import assert from "node:assert/strict";
import fc from "fast-check";
import { deltaWeight } from "../../src/protocol/components.ts";
import { randomStream } from "../../src/protocol/random.ts";
import {
  componentScores,
  magnitudeScores,
  maskScores,
  mergeScores,
  randomScores,
} from "../../src/protocol/scores.ts";
import { randomBank, roundShape } from "./support.ts";

// r = 2, in = 2, out = 3.
const shape = { name: "q_proj", inFeatures: 2, outFeatures: 3 };
const sensitivity = {
  a: { smoothed: [1, 3, 5, 7], uncertainty: [1, 1, 2, 2] },
  b: { smoothed: [1, 10, 2, 20, 3, 30], uncertainty: [1, 1, 1, 1, 1, 0] },
};

Deno.test("componentScores() averages Ī·Ū over a row of A and a column of B", () => {
  const scores = componentScores(shape, sensitivity, "smoothed-uncertainty");
  assert.deepEqual([...scores], [(1 + 3) / 2 + (1 + 2 + 3) / 3, (10 + 14) / 2 + (10 + 20 + 0) / 3]);
});

Deno.test("componentScores() leaves out Ū when the kind is smoothed", () => {
  const scores = componentScores(shape, sensitivity, "smoothed");
  assert.deepEqual([...scores], [2 + 2, 6 + 20]);
});

Deno.test("magnitudeScores() is the Frobenius norm of each component's own delta weight", () => {
  fc.assert(fc.property(roundShape, (roundShape) => {
    const { modules: [module], rank } = randomBank(roundShape);
    magnitudeScores(module).forEach((score, i) => {
      const alone = { ...module, b: module.b.map((value, at) => at % rank === i ? value : 0) };
      const norm = Math.hypot(...deltaWeight(alone, 1));
      assert(Math.abs(score - norm) <= 1e-12 * norm);
    });
  }));
});

Deno.test("randomScores() repeats when the stream's key does", () => {
  const draw = (client: number) => randomScores(4, randomStream(1, "scores", client));
  assert.deepEqual(draw(0), draw(0));
  assert.notDeepEqual(draw(0), draw(1));
});

Deno.test("maskScores() marks what a client does not hold", () => {
  const masked = maskScores(new Float64Array([1, 2, 3]), new Uint8Array([1, 0, 1]));
  assert.deepEqual([...masked], [1, NaN, 3]);
});

Deno.test("mergeScores() weighs reporters by samples and keeps a score when nobody reports", () => {
  const previous = [new Float64Array([9, 9, 9, 9])];
  const reports = [
    { samples: 100, scores: [[1, 2, NaN, NaN]] },
    { samples: 300, scores: [[5, NaN, 0, NaN]] },
  ];
  const merged = mergeScores(previous, reports);
  // (100·1 + 300·5) / 400 = 4; alone 2; a reported zero counts; unreported stays 9.
  assert.deepEqual([...merged[0]], [4, 2, 0, 9]);
  assert.deepEqual([...mergeScores(previous, [])[0]], [9, 9, 9, 9]);
  assert.deepEqual([...previous[0]], [9, 9, 9, 9]);
});
