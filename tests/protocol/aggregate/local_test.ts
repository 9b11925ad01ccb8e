import assert from "node:assert/strict";
import fc from "fast-check";
import { aggregate, local } from "../../../src/protocol/aggregate/mod.ts";
import { encodeBank } from "../../../src/protocol/bank_codec.ts";
import { mergeScores } from "../../../src/protocol/scores.ts";
import { randomRound, roundShape } from "../support.ts";

Deno.test("local leaves adapter and head alone, and keeps up what is known of the components", () => {
  fc.assert(fc.property(roundShape, (shape) => {
    const { bank, updates } = randomRound(shape, "truncate");
    const before = encodeBank(bank);
    const next = aggregate(local, bank, updates);
    const trained = bank.trained.map((flags, m) =>
      flags.map((flag, i) => updates.some(({ indices }) => indices[m].includes(i)) ? 1 : flag)
    );
    const reports = updates.map(({ samples, scores }) => ({ samples, scores: scores! }));
    const scores = mergeScores(bank.scores, reports);
    assert.deepEqual(encodeBank(next), encodeBank({ ...bank, trained, scores }));
    next.modules.forEach(({ a, b }) => (a.fill(9), b.fill(9)));
    next.head.forEach(({ data }) => data.fill(9));
    assert.deepEqual(encodeBank(bank), before);
  }));
});
