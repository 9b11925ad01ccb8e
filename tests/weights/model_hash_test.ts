import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { modelHash, modelPaths } from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";

const sha256 = (...parts: (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("modelHash() is the digest of the files' digests of their 4 MiB chunks", async () => {
  const weights = encodeSafetensors([
    { name: "a", shape: [1_100_000], data: new Float32Array(1_100_000).fill(1.5) },
  ]);
  const split = 4 * 1024 * 1024;
  assert.ok(weights.length > split && weights.length < 2 * split);
  const expected = sha256(
    sha256(sha256("{}")),
    sha256(sha256(weights.subarray(0, split)), sha256(weights.subarray(split))),
  );
  const files = memoryFiles({ "config.json": "{}", "model.safetensors": weights });
  assert.equal(await modelHash(files), hex(expected));
});

Deno.test("modelHash() changes with config.json and with any shard", async () => {
  const index = '{"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}';
  const contents = {
    "config.json": "{}",
    "model.safetensors.index.json": index,
    "1.safetensors": "one",
    "2.safetensors": "two",
  };
  const hashes = new Set([
    await modelHash(memoryFiles(contents)),
    await modelHash(memoryFiles({ ...contents, "config.json": "{} " })),
    await modelHash(memoryFiles({ ...contents, "1.safetensors": "two", "2.safetensors": "one" })),
    await modelHash(memoryFiles({ ...contents, "2.safetensors": "twp" })),
  ]);
  assert.equal(hashes.size, 4);
  assert.equal(await modelHash(memoryFiles({ ...contents })), [...hashes][0]);
});

Deno.test("modelHash() names the file that is missing", async () => {
  const files = memoryFiles({ "model.safetensors": encodeSafetensors([]) });
  await assert.rejects(() => modelHash(files), {
    name: "ModelFolderError",
    message: 'Cannot find "config.json" in model "tiny"',
  });
});

Deno.test("modelPaths() lists what another machine needs to run the same model", async () => {
  const index = '{"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}';
  const contents = {
    "config.json": "{}",
    "model.safetensors.index.json": index,
    "1.safetensors": "one",
    "2.safetensors": "two",
    "README.md": "of no use",
  };
  const needed = ["config.json", "model.safetensors.index.json", "1.safetensors", "2.safetensors"];
  assert.deepEqual(await modelPaths(memoryFiles(contents)), needed);
  const tokenizer = {
    "tokenizer.json": "{}",
    "tokenizer_config.json": "{}",
    "chat_template.jinja": "{{ x }}",
  };
  assert.deepEqual(
    await modelPaths(memoryFiles({ ...contents, ...tokenizer })),
    [...needed, ...Object.keys(tokenizer)],
  );
});
