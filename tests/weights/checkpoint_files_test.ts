import assert from "node:assert/strict";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import {
  type CheckpointDtype,
  checkpointDtypes,
  checkpointFiles,
  openWeights,
} from "../../src/weights/mod.ts";
import { memoryFiles, readContents } from "./memory_files.ts";

const tensors = {
  "b.weight": { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 4, 5, 6) },
  "a.weight": { shape: [5], data: Float32Array.of(7, 8, 9, 10, 11) },
  "c.bias": { shape: [1], data: Float32Array.of(12) },
};
type Name = keyof typeof tensors;

const shapes = new Map(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
const load = (name: string) => Promise.resolve(tensors[name as Name].data);

Deno.test("checkpointFiles() writes one file, the bytes of encodeSafetensors()", async () => {
  const files = await readContents(checkpointFiles(shapes, load, { dtype: "f32", shardBytes: 48 }));
  const expected = encodeSafetensors(
    Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor })),
    { format: "pt" },
  );
  assert.deepEqual(files, { "model.safetensors": expected });
});

for (const dtype of checkpointDtypes) {
  Deno.test(`checkpointFiles() parts ${dtype} tensors into files that openWeights() reads`, async () => {
    const width = dtype === "f32" ? 4 : 2;
    // b and c do not fit beside a; a alone is larger than a file is to be.
    const layout = { dtype, shardBytes: 4 * width };
    const files = await readContents(checkpointFiles(shapes, load, layout));
    assert.deepEqual(Object.keys(files).sort(), [
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
      "model.safetensors.index.json",
    ]);
    const index = JSON.parse(new TextDecoder().decode(files["model.safetensors.index.json"]));
    assert.equal(index.metadata.total_size, 12 * width);
    assert.equal(index.weight_map["c.bias"], "model-00003-of-00003.safetensors");
    const weights = await openWeights(memoryFiles(files));
    assert.deepEqual(weights.names.toSorted(), Object.keys(tensors).sort());
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      assert.deepEqual(await weights.load(name, shape), data, name);
    }
  });
}

Deno.test("checkpointFiles() fills a file up to its size, in the order of the tensors", () => {
  const names = (shardBytes: number) =>
    Object.keys(checkpointFiles(shapes, load, { dtype: "f16", shardBytes })).length;
  assert.deepEqual([24, 23, 12, 11].map(names), [1, 3, 3, 4]);
});

Deno.test("checkpointFiles() loads a tensor when its place has come, and none before", async () => {
  const loaded: string[] = [];
  const counted = (name: string) => {
    loaded.push(name);
    return load(name);
  };
  const files = checkpointFiles(shapes, counted, { dtype: "f32", shardBytes: 1e6 });
  assert.deepEqual(loaded, []);
  const seen: number[] = [];
  for await (const _ of files["model.safetensors"] as AsyncIterable<Uint8Array>) {
    seen.push(loaded.length);
  }
  assert.deepEqual(seen, [0, 1, 2, 3]);
  assert.deepEqual(loaded, ["a.weight", "b.weight", "c.bias"]);
});

Deno.test("checkpointFiles() names the tensor with a number that the format cannot hold", async () => {
  const write = async (dtype: CheckpointDtype, number: number) => {
    const one = () => Promise.resolve(Float32Array.of(1, number));
    const layout = { dtype, shardBytes: 1e6 };
    await readContents(checkpointFiles(new Map([["q.weight", [2]]]), one, layout));
  };
  await write("f16", 65504);
  await write("bf16", 65520);
  await write("f32", 3.4e38);
  await assert.rejects(write("f16", 65520), {
    name: "WeightsError",
    message: 'Cannot write "q.weight" as f16: expected finite numbers within its range, got ' +
      "65520 at index 1",
  });
  await assert.rejects(write("bf16", 3.4e38), /"q\.weight" as bf16: .* got 3\.39\d+e\+38 at/);
  for (const dtype of checkpointDtypes) {
    for (const number of [NaN, Infinity, -Infinity]) {
      await assert.rejects(write(dtype, number), { name: "WeightsError" }, `${dtype} ${number}`);
    }
  }
});
