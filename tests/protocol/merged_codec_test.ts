import assert from "node:assert/strict";
import { mergeStack, withoutStack } from "../../src/protocol/merged_base.ts";
import { decodeMerged, encodeMerged } from "../../src/protocol/merged_codec.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { randomBank } from "./support.ts";

const bank = randomBank({ seed: 1, rank: 2, modules: [[3, 2], [1, 4]], clients: 1 });
const merged = {
  changes: [Float32Array.of(1, -0, 3, 1e-45, 5, 6), Float32Array.of(7, 8, 9, 10)],
  stack: [
    { a: Float32Array.of(1, 2, 3), b: Float32Array.of(4, 5) },
    { a: new Float32Array(0), b: new Float32Array(0) },
  ],
};

Deno.test("decodeMerged() gives back what was merged bit for bit, with a stack and without", () => {
  for (const one of [merged, { changes: merged.changes }]) {
    const bytes = encodeMerged(one, bank);
    assert.deepEqual(decodeMerged(bytes, bank), one);
    assert.deepEqual(encodeMerged(decodeMerged(bytes.slice(), bank), bank), bytes);
  }
});

Deno.test("decodeMerged() refuses another file, and one of other modules", () => {
  assert.throws(() => decodeMerged(encodeSafetensors([]), bank), {
    name: "SafetensorsError",
    message: 'Cannot read what was merged: expected format "hafl-merged-1", got "undefined"',
  });
  const other = randomBank({ seed: 1, rank: 2, modules: [[2, 3], [1, 4]], clients: 1 });
  assert.throws(
    () => decodeMerged(encodeMerged(merged, bank), other),
    /"layers\.0\.q_proj\.weight\.change".*expected F32 of shape \[3, 2\], got F32 of shape \[2, 3\]/,
  );
});

Deno.test("decodeMerged() refuses a file that lacks a part of its stack", () => {
  const { tensors, metadata } = decodeSafetensors(encodeMerged(merged, bank));
  const parts = [...tensors].filter(([name]) => name !== "layers.0.q_proj.lora_B.weight").map((
    [name, { shape, bytes }],
  ) => ({ name, shape, data: new Float32Array(bytes.slice().buffer) }));
  assert.throws(() => decodeMerged(encodeSafetensors(parts, metadata), bank), /lora_B/);
});

Deno.test("mergeStack() rounds each number once", () => {
  const module = { name: "q", inFeatures: 1, outFeatures: 1 };
  const stack = { a: Float32Array.of(1, 1), b: Float32Array.of(2 ** -24, 2 ** -24) };
  // Each component alone is too small for 1 to change by it.
  assert.equal(mergeStack(module, Float32Array.of(1), stack, 1)[0], 1 + 2 ** -23);
  assert.equal(mergeStack(module, undefined, stack, 1)[0], 2 ** -23);
});

Deno.test("withoutStack() keeps what was merged, and a bank without anything merged", () => {
  assert.equal(withoutStack(bank), bank);
  assert.deepEqual(withoutStack({ ...bank, merged }).merged, { changes: merged.changes });
});
