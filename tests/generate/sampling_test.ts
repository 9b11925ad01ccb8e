import assert from "node:assert/strict";
import fc from "fast-check";
import { likeliestFirst } from "../../src/generate/likeliest_first.ts";
import {
  chooseToken,
  type SamplingOptions,
  tokenDistribution,
} from "../../src/generate/sampling.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { assertClose } from "../reference/compare.ts";
import { normalNumbers } from "../engine/op_testing.ts";

/** Few distinct numbers, so that ties are common. */
const someLogits = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values));

/** Ids by falling logits, the smaller first of equal ones. */
function sorted(logits: Float32Array): number[] {
  return Array.from(logits, (_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b);
}

/** The distribution by its definition, as probabilities of all ids: everything is sorted, and each filter renormalises. */
function definition(
  logits: Float32Array,
  { temperature, topK, topP }: SamplingOptions,
): Float64Array {
  let kept = sorted(logits);
  const probability = (): Map<number, number> => {
    const weights = kept.map((id) => Math.exp((logits[id] - logits[kept[0]]) / temperature));
    const sum = weights.reduce((one, other) => one + other);
    return new Map(kept.map((id, i) => [id, weights[i] / sum]));
  };
  if (topK !== undefined) kept = kept.slice(0, topK);
  if (topP !== undefined) {
    const whole = probability();
    const reached = kept.map((_, i) =>
      kept.slice(0, i + 1).reduce((sum, id) => sum + whole.get(id)!, 0)
    );
    const enough = reached.findIndex((share) => share >= topP - 1e-12);
    kept = kept.slice(0, enough < 0 ? undefined : enough + 1);
  }
  const final = probability();
  return Float64Array.from(logits, (_, id) => final.get(id) ?? 0);
}

function asProbabilities(logits: Float32Array, options: SamplingOptions): Float64Array {
  const { ids, probabilities } = tokenDistribution(logits, options);
  const all = new Float64Array(logits.length);
  ids.forEach((id, place) => all[id] = probabilities[place]);
  assert.ok(probabilities.every((probability) => probability > 0), "what is kept is possible");
  return all;
}

Deno.test("likeliestFirst() gives every id once, by falling logits, the smaller first of equal ones", () => {
  fc.assert(fc.property(someLogits, (logits) => {
    assert.deepEqual([...likeliestFirst(logits)], sorted(logits));
  }));
});

Deno.test("tokenDistribution() equals its definition for every temperature, top-k and top-p", () => {
  const shares = [undefined, 0.05, 0.3, 0.5, 0.9, 0.999, 1];
  const counts = [undefined, 1, 2, 3, 7, 40, 100];
  const options = fc.record({
    temperature: fc.constantFrom(0.5, 1, 3),
    topK: fc.constantFrom(...counts),
    topP: fc.constantFrom(...shares),
  });
  fc.assert(
    fc.property(someLogits, options, (logits, options) => {
      const expected = definition(logits, options);
      assertClose(asProbabilities(logits, options), expected, 1e-12, JSON.stringify(options));
    }),
    { numRuns: 500 },
  );
});

Deno.test("tokenDistribution() keeps the fewest tokens that reach the share, worked out by hand", () => {
  // 0.5, 0.3, 0.2
  const logits = Float32Array.of(Math.log(2), Math.log(5), Math.log(3));
  const kept = (options: Partial<SamplingOptions>) =>
    [...tokenDistribution(logits, { temperature: 1, ...options }).ids].sort();
  assert.deepEqual(kept({ topP: 0.49 }), [1]);
  assert.deepEqual(kept({ topP: 0.51 }), [1, 2]);
  assert.deepEqual(kept({ topP: 0.81 }), [0, 1, 2]);
  // Of the two that top-k keeps, the first has 0.625.
  assert.deepEqual(kept({ topK: 2, topP: 0.6 }), [1]);
  assert.deepEqual(kept({ topK: 2, topP: 0.63 }), [1, 2]);
  // Colder: 25, 9 and 4 parts of 38.
  assert.deepEqual(kept({ temperature: 0.5, topP: 0.65 }), [1]);
});

Deno.test("chooseToken() draws tokens as often as the distribution says", () => {
  const draws = 5000;
  const logits = normalNumbers("logits", 50);
  for (const options of [{ topK: 10 }, { topP: 0.8 }, { topK: 20, topP: 0.9 }, {}]) {
    const sampling = { temperature: 0.8, ...options };
    const expected = asProbabilities(logits, sampling);
    const counts = new Float64Array(logits.length);
    const random = randomStream(1, "draws");
    for (let draw = 0; draw < draws; draw++) counts[chooseToken(logits, sampling, random)]++;
    for (const [id, probability] of expected.entries()) {
      // Five standard deviations of a count; nothing at all of what is left out.
      const bound = 5 * Math.sqrt(draws * probability * (1 - probability));
      const off = Math.abs(counts[id] - draws * probability);
      assert.ok(off <= bound, `token ${id}: ${counts[id]} of ${draws * probability}`);
    }
  }
});

Deno.test("chooseToken() takes the first of the likeliest at temperature 0, and draws nothing", () => {
  const random = randomStream(1, "unused");
  const logits = Float32Array.of(1, 5, -2, 5);
  assert.equal(chooseToken(logits, { temperature: 0 }, random), 1);
  assert.equal(random.bits(), randomStream(1, "unused").bits());
});
