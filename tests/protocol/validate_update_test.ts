import assert from "node:assert/strict";
import fc from "fast-check";
import { type Deal, dealOf } from "../../src/protocol/deal.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { type ClientUpdate, extractUpdate } from "../../src/protocol/update.ts";
import {
  UpdateError,
  type UpdateFault,
  validateUpdate,
} from "../../src/protocol/validate_update.ts";
import { randomBank, randomRound, randomUpdate, roundShape } from "./support.ts";

Deno.test("validateUpdate() accepts any honest update", () => {
  fc.assert(
    fc.property(
      roundShape,
      fc.constantFrom("freeze", "truncate", "full", "head"),
      (shape, method) => {
        const { bank, deals, updates } = randomRound(shape, method);
        updates.forEach((update, k) => validateUpdate(bank, deals[k], update));
        const { scores: _, ...silent } = updates[0];
        validateUpdate(bank, deals[0], silent);
      },
    ),
  );
});

const bank = randomBank({ seed: 1, rank: 4, modules: [[2, 3], [3, 1]], clients: 1 });
const deal = dealOf(4, 6, 2, "truncate", [new Uint32Array([0, 2]), new Uint32Array([3])]);
const good = randomUpdate(bank, deal, randomStream(1));
const [weight, bias] = good.head;
const withScore = (at: number, score: number) => ({
  scores: good.scores!.map((scores) => scores.map((value, i) => i === at ? score : value)),
});

const faults: readonly [string, UpdateFault, Partial<ClientUpdate>][] = [
  ["it is another client's", "wrong-client", { client: 5 }],
  ["it is of another round", "wrong-round", { round: 1 }],
  ["it has no samples", "samples", { samples: 0 }],
  ["its samples are not whole", "samples", { samples: 1.5 }],
  ["its samples are not a number", "samples", { samples: NaN }],
  ["it trained other components", "indices", {
    indices: [new Uint32Array([0, 1]), good.indices[1]],
  }],
  ["it trained too many", "indices", { indices: [new Uint32Array([0, 2, 3]), good.indices[1]] }],
  ["its components are in another order", "indices", {
    indices: [new Uint32Array([2, 0]), good.indices[1]],
  }],
  ["a module's indices are missing", "indices", { indices: [good.indices[0]] }],
  ["a module's A is missing", "shape", { a: [good.a![0]] }],
  ["A is short", "shape", { a: [good.a![0].slice(1), good.a![1]] }],
  ["B is long", "shape", { b: [new Float32Array(7), good.b[1]] }],
  ["A holds NaN", "not-finite", { a: [good.a![0].map(() => NaN), good.a![1]] }],
  ["B holds Infinity", "not-finite", { b: [good.b[0], good.b[1].map(() => Infinity)] }],
  ["the head is missing", "head", { head: [] }],
  ["the head is in another order", "head", { head: [bias, weight] }],
  ["the head has another shape", "head", { head: [{ ...weight, shape: [3, 2] }, bias] }],
  ["the head's numbers do not fill it", "head", {
    head: [{ ...weight, data: new Float32Array(5) }, bias],
  }],
  ["the head holds NaN", "not-finite", {
    head: [weight, { ...bias, data: new Float32Array([0, NaN]) }],
  }],
  ["scores are short", "scores", { scores: [good.scores![0]] }],
  ["a score is missing", "scores", { scores: [good.scores![0].slice(1), good.scores![1]] }],
  ["a held component's score is NaN", "scores", withScore(0, NaN)],
  ["a held component's score is negative", "scores", withScore(0, -1)],
  ["a held component's score is infinite", "scores", withScore(0, Infinity)],
  ["a component not held has a score", "scores", withScore(1, 0)],
];

for (const [situation, fault, change] of faults) {
  Deno.test(`validateUpdate() throws UpdateError "${fault}" when ${situation}`, () => {
    assert.throws(() => validateUpdate(bank, deal, { ...good, ...change }), (error) => {
      assert(error instanceof UpdateError);
      assert.equal(error.fault, fault);
      assert.match(error.message, /^Cannot use the update of client \d in round \d: expected /);
      return true;
    });
  });
}

Deno.test("validateUpdate() throws UpdateError unless just the trained factors come", () => {
  const ofB: Deal = { ...deal, factors: "b" };
  const { a, ...b } = good;
  validateUpdate(bank, ofB, b);
  assert.throws(() => validateUpdate(bank, ofB, good), {
    fault: "shape",
    message: /expected no A, as only B is trained, got some$/,
  });
  assert.throws(() => validateUpdate(bank, deal, b), {
    fault: "shape",
    message: /expected A, got/,
  });
  const broken = { ...b, b: [b.b[0], b.b[1].map(() => NaN)] };
  assert.throws(() => validateUpdate(bank, ofB, broken), { fault: "not-finite" });
  const { a: extracted, ...rest } = extractUpdate(bank, deal, { ...bank, samples: 1 });
  assert.deepEqual(extractUpdate(bank, ofB, { ...bank, samples: 1 }), rest);
  assert(a !== undefined && extracted !== undefined);
});

Deno.test("extractUpdate() takes the dealt components out of a client's state", () => {
  const result = {
    samples: 7,
    modules: bank.modules,
    head: bank.head,
    scores: [new Float64Array([1, 2, 3, 4]), new Float64Array([5, 6, 7, 8])],
  };
  const update = extractUpdate(bank, deal, result);
  validateUpdate(bank, deal, update);
  const [{ a }, { b }] = bank.modules;
  assert.deepEqual([...update.a![0]], [a[0], a[1], a[4], a[5]]);
  assert.deepEqual([...update.b[1]], [b[3]]);
  assert.deepEqual(update.scores!.map((scores) => [...scores]), [
    [1, NaN, 3, NaN],
    [NaN, NaN, NaN, 8],
  ]);
  const { scores: _, ...silent } = result;
  assert(!("scores" in extractUpdate(bank, deal, silent)));
});
