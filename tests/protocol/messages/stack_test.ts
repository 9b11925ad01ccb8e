import assert from "node:assert/strict";
import { aggregate, flora } from "../../../src/protocol/aggregate/mod.ts";
import { mergeStack } from "../../../src/protocol/merged_base.ts";
import { encodeStack } from "../../../src/protocol/messages/mod.ts";
import { decodeSafetensors, toFloat32 } from "../../../src/protocol/safetensors.ts";
import { scale } from "../../../src/protocol/bank.ts";
import { randomRound } from "../support.ts";

Deno.test("encodeStack() sends what a client needs to merge as the server has, for all clients alike", () => {
  const shape = { seed: 3, rank: 8, modules: [[5, 7], [3, 2]] as const, clients: 4 };
  const { bank, updates } = randomRound(shape, "truncate");
  const { changes, stack } = aggregate(flora, bank, updates).merged!;
  const { bytes, sizes } = encodeStack(bank, stack!, { run: "r", round: 6 });
  const { tensors, metadata } = decodeSafetensors(bytes);
  assert.deepEqual(metadata, { kind: "stack", run: "r", round: "6" });
  assert.equal(tensors.size, 2 * bank.modules.length);
  let numbers = 0;
  bank.modules.forEach((module, m) => {
    const { name, inFeatures, outFeatures } = module;
    const sent = updates.reduce((sum, { indices }) => sum + indices[m].length, 0);
    const [a, b] = [tensors.get(`${name}.lora_A.weight`)!, tensors.get(`${name}.lora_B.weight`)!];
    assert.deepEqual([a.shape, b.shape], [[sent, inFeatures], [outFeatures, sent]]);
    const received = { a: toFloat32("F32", a.bytes), b: toFloat32("F32", b.bytes) };
    assert.deepEqual(mergeStack(module, undefined, received, scale(bank)), changes[m]);
    numbers += sent * (inFeatures + outFeatures);
  });
  assert.equal(sizes.lora, 4 * numbers);
  assert.equal(sizes.head, 0);
  assert.equal(sizes.lora + sizes.overhead, bytes.length);
});
