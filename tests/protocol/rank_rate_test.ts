import assert from "node:assert/strict";
import { rankFactor } from "../../src/protocol/rank_rate.ts";

const lists = (...counts: number[]) => counts.map((length) => new Uint32Array(length));

Deno.test("rankFactor() is 1 for all under equal", () => {
  for (const counts of [[1, 1], [8, 8], [0, 0]]) {
    assert.equal(rankFactor("equal", 8, lists(...counts)), 1);
  }
});

Deno.test("rankFactor() under root makes the steps of all ranks equally long", () => {
  for (const rank of [1, 2, 3, 4, 8]) {
    const factor = rankFactor("root", 8, lists(rank, rank, rank));
    assert.ok(Math.abs(factor * Math.sqrt(rank) - Math.sqrt(8)) < 1e-12, `${rank}: ${factor}`);
  }
});

Deno.test("rankFactor() goes by the mean where modules share a budget, and by nothing where none is trained", () => {
  assert.equal(rankFactor("root", 8, lists(0, 4)), 2);
  assert.equal(rankFactor("root", 8, lists(0, 0)), 1);
});
