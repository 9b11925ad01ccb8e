import assert from "node:assert/strict";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { openWeights } from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";

const INDEX = "model.safetensors.index.json";
const FIRST = "model-00001-of-00002.safetensors";
const SECOND = "model-00002-of-00002.safetensors";

const one = encodeSafetensors([{ name: "a", shape: [1], data: new Float32Array([1]) }]);
const two = encodeSafetensors(
  [
    { name: "b", shape: [2], data: new Float32Array([2, 3]) },
    { name: "unlisted", shape: [1], data: new Float32Array([9]) },
  ],
  { tied: "a" },
);
const index = JSON.stringify({ metadata: { total_size: 12 }, weight_map: { a: FIRST, b: SECOND } });

Deno.test("openWeights() loads each tensor from the shard its index names", async () => {
  const weights = await openWeights(memoryFiles({ [INDEX]: index, [FIRST]: one, [SECOND]: two }));
  assert.deepEqual(weights.names, ["a", "b", "tied"]);
  assert.deepEqual(await weights.load("a", [1]), new Float32Array([1]));
  assert.deepEqual(await weights.load("b", [2]), new Float32Array([2, 3]));
  assert.deepEqual(await weights.load("tied", [1]), new Float32Array([1]));
});

Deno.test("openWeights() names the shards that are missing", async () => {
  await assert.rejects(() => openWeights(memoryFiles({ [INDEX]: index, [SECOND]: two })), {
    name: "ModelFolderError",
    message:
      'Cannot load model "tiny": 1 of 2 shards named in "model.safetensors.index.json" are ' +
      'missing: "model-00001-of-00002.safetensors"',
  });
});

Deno.test("openWeights() names a tensor that its shard does not hold", async () => {
  const wrong = JSON.stringify({ weight_map: { c: FIRST } });
  await assert.rejects(() => openWeights(memoryFiles({ [INDEX]: wrong, [FIRST]: one })), {
    name: "WeightsError",
    message: 'Cannot load "c": "model.safetensors.index.json" places it in ' +
      '"model-00001-of-00002.safetensors", which does not hold it',
  });
});

for (
  const [what, text, expected] of [
    ["is empty", "", /expected JSON, but the file is empty/],
    ["is half-written", index.slice(0, 30), /expected JSON, but /],
    ["has no weight_map", "{}", /expected an object "weight_map"/],
    ["maps a name to a number", '{"weight_map":{"a":1}}', /expected a file name for "a"/],
    ["leaves the folder", '{"weight_map":{"a":"../x"}}', /expected a file inside the model folder/],
    ["is absolute", '{"weight_map":{"a":"/etc/x"}}', /expected a file inside the model folder/],
  ] as const
) {
  Deno.test(`openWeights() refuses an index that ${what}`, async () => {
    await assert.rejects(() => openWeights(memoryFiles({ [INDEX]: text })), { message: expected });
  });
}
