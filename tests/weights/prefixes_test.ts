import assert from "node:assert/strict";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { openWeights, type WeightSource, withPrefixes } from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";

async function source(...names: string[]): Promise<WeightSource> {
  const tensors = names.map((name, index) => ({
    name,
    shape: [1],
    data: new Float32Array([index]),
  }));
  return await openWeights(memoryFiles({ "model.safetensors": encodeSafetensors(tensors) }));
}

Deno.test("withPrefixes() finds a name stored without the family's prefix", async () => {
  const weights = withPrefixes(await source("encoder.layer.0.output.dense.bias"), ["bert."]);
  assert.ok(weights.has("bert.encoder.layer.0.output.dense.bias"));
  assert.deepEqual(weights.shape("bert.encoder.layer.0.output.dense.bias"), [1]);
});

Deno.test("withPrefixes() finds a name stored with the family's prefix", async () => {
  const weights = withPrefixes(await source("x", "model.norm.weight"), ["transformer.", "model."]);
  assert.deepEqual(await weights.load("norm.weight", [1]), new Float32Array([1]));
});

Deno.test("withPrefixes() takes the exact name before a variant", async () => {
  const weights = withPrefixes(await source("norm.weight", "model.norm.weight"), ["model."]);
  assert.deepEqual(await weights.load("norm.weight", [1]), new Float32Array([0]));
  assert.deepEqual(await weights.load("model.norm.weight", [1]), new Float32Array([1]));
});

Deno.test("withPrefixes() accepts gamma and beta for a LayerNorm, with or without prefix", async () => {
  const stored = await source("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.beta");
  const weights = withPrefixes(stored, ["bert."]);
  assert.deepEqual(await weights.load("embeddings.LayerNorm.weight", [1]), new Float32Array([0]));
  assert.deepEqual(
    await weights.load("bert.embeddings.LayerNorm.bias", [1]),
    new Float32Array([1]),
  );
});

Deno.test("withPrefixes() does not find what is not there", async () => {
  const weights = withPrefixes(await source("pooler.gamma"), ["bert."]);
  assert.equal(weights.has("pooler.weight"), false);
  await assert.rejects(() => weights.load("bert.pooler.weight", [1]), {
    message: /Cannot load "bert\.pooler\.weight"/,
  });
});
