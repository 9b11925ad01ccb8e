import assert from "node:assert/strict";
import { type OpenAttempt, roundOutcome } from "../../../server/runs/round_outcome.ts";

const attempt: OpenAttempt = {
  sampled: [0, 1, 2, 3, 4],
  withdrawn: new Set(),
  received: 0,
  deadline: 100,
};
const aims = { perRound: 4, quorum: 2 };
const outcome = (changes: Partial<OpenAttempt>, now = 99) =>
  roundOutcome({ ...attempt, ...changes }, aims, now);

Deno.test("roundOutcome() closes with the updates it aims for, though more were sampled", () => {
  assert.equal(outcome({ received: 3 }), "wait");
  assert.equal(outcome({ received: 4 }), "close");
});

Deno.test("roundOutcome() at the deadline closes with a quorum and misses without", () => {
  assert.equal(outcome({ received: 1 }), "wait");
  assert.equal(outcome({ received: 1 }, 100), "miss");
  assert.equal(outcome({ received: 2 }, 100), "close");
});

Deno.test("roundOutcome() does not wait for clients that were withdrawn", () => {
  const withdrawn = new Set([2, 3, 4]);
  assert.equal(outcome({ withdrawn, received: 1 }), "wait");
  assert.equal(outcome({ withdrawn, received: 2 }), "close");
});

Deno.test("roundOutcome() misses at once when a quorum is out of reach", () => {
  assert.equal(outcome({ withdrawn: new Set([0, 1, 2, 3]) }), "miss");
  assert.equal(outcome({ withdrawn: new Set([0, 1, 2, 3]), received: 1 }), "miss");
  assert.equal(outcome({ withdrawn: new Set([0, 1, 2]), received: 1 }), "wait");
});

Deno.test("roundOutcome() closes when all of a sample smaller than the aim are in", () => {
  assert.equal(outcome({ sampled: [0, 1], received: 2 }), "close");
});

Deno.test("roundOutcome() extends what was left alone at its deadline, if clients are missing", () => {
  assert.equal(outcome({ received: 1 }, 100 + 59_999), "miss");
  assert.equal(outcome({ received: 1 }, 100 + 60_000), "extend");
  assert.equal(outcome({ received: 3 }, 100 + 60_000), "extend");
  assert.equal(outcome({ received: 4 }, 100 + 60_000), "close");
  assert.equal(outcome({ sampled: [0, 1], received: 2 }, 100 + 60_000), "close");
  const withdrawn = new Set([1, 2, 3, 4]);
  assert.equal(outcome({ withdrawn, received: 0 }, 100 + 60_000), "miss");
});
