import assert from "node:assert/strict";
import { trainedShare } from "../../src/protocol/trained_share.ts";

Deno.test("trainedShare() counts trained components over all modules", () => {
  const trained = [new Uint8Array([1, 0, 0, 1]), new Uint8Array([0, 1, 0, 0])];
  assert.equal(trainedShare({ trained, rank: 4 }), 3 / 8);
  assert.equal(trainedShare({ trained: [], rank: 4 }), 1);
});
