import assert from "node:assert/strict";
import { factLines, missingLines, ownFailed } from "../../../bench/harness/task.ts";

const series = { facts: { threads: 2, size: 8 }, repetitions: [], peakMemory: undefined };

Deno.test("ownFailed() is about our programs, not about absent peers", () => {
  assert.equal(
    ownFailed({ contests: { a: { ours: series, PyTorch: { missing: "gone" } } } }),
    false,
  );
  assert.equal(
    ownFailed({ contests: { a: { ours: series }, b: { ours: { missing: "oh" } } } }),
    true,
  );
});

Deno.test("factLines() tells the set-up of what was measured", () => {
  const contests = { a: { ours: series, PyTorch: { missing: "gone" } } };
  assert.deepEqual(factLines({ contests }), ["- a, ours: threads 2, size 8"]);
});

Deno.test("missingLines() names each row that lacks a figure, with its peer", () => {
  const rows = [
    { what: "x", unit: "s", ours: 1 },
    { what: "y", unit: "s", ours: 1, peer: { title: "P" }, missing: "gone" },
    { what: "z", unit: "s", missing: "oh" },
  ];
  assert.deepEqual(missingLines({ rows }), [
    "- not measured: y, beside P: gone",
    "- not measured: z: oh",
  ]);
});
