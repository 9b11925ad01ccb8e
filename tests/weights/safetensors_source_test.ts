import assert from "node:assert/strict";
import { encodeSafetensors, SafetensorsError } from "../../src/protocol/safetensors.ts";
import { openSafetensors, openWeights } from "../../src/weights/mod.ts";
import type { ByteFile } from "../../src/weights/source.ts";
import { memoryFiles } from "./memory_files.ts";

const PATH = "model.safetensors";

Deno.test("openSafetensors() reads the header and then only the tensor that is loaded", async () => {
  const files = memoryFiles({
    [PATH]: encodeSafetensors([
      { name: "large", shape: [1000], data: new Float32Array(1000) },
      { name: "small", shape: [1, 2], data: new Float32Array([3, 4]) },
    ]),
  });
  const weights = await openSafetensors(files, PATH);
  assert.deepEqual(weights.names, ["large", "small"]);
  assert.deepEqual(weights.shape("large"), [1000]);
  const headerReads = files.reads.splice(0);
  assert.ok(headerReads.every(({ offset, length }) => offset + length < 4000));

  assert.deepEqual(await weights.load("small", [1, 2]), new Float32Array([3, 4]));
  assert.deepEqual(files.reads.map(({ length }) => length), [8]);
});

Deno.test("load() finds a tensor beyond the first 4 GiB of a file", async () => {
  const end = 4 * 1_200_000_000;
  const header = new TextEncoder().encode(JSON.stringify({
    big: { dtype: "F32", shape: [1_200_000_000], data_offsets: [0, end] },
    small: { dtype: "F32", shape: [1], data_offsets: [end, end + 4] },
  }));
  const start = 8 + header.length;
  const head = new Uint8Array(start);
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true);
  head.set(header, 8);
  const file: ByteFile = {
    name: PATH,
    size: () => Promise.resolve(start + end + 4),
    read(offset, length) {
      if (offset + length <= start) return Promise.resolve(head.slice(offset, offset + length));
      assert.deepEqual([offset, length], [start + end, 4]);
      return Promise.resolve(new Uint8Array(Float32Array.of(7).buffer));
    },
  };
  const weights = await openSafetensors(
    { label: "large", open: () => Promise.resolve(file) },
    PATH,
  );
  assert.deepEqual(weights.shape("big"), [1_200_000_000]);
  assert.deepEqual(await weights.load("small", [1]), Float32Array.of(7));
});

Deno.test("load() widens f16 and bf16 to f32", async () => {
  // 1.5 and -2: f16 0x3e00, 0xc000; bf16 0x3fc0, 0xc000.
  const files = memoryFiles({
    [PATH]: encodeSafetensors([
      { name: "half", shape: [2], data: new Uint16Array([0x3e00, 0xc000]), dtype: "F16" },
      { name: "brain", shape: [2], data: new Uint16Array([0x3fc0, 0xc000]), dtype: "BF16" },
    ]),
  });
  const weights = await openWeights(files);
  assert.deepEqual(await weights.load("half", [2]), new Float32Array([1.5, -2]));
  assert.deepEqual(await weights.load("brain", [2]), new Float32Array([1.5, -2]));
});

Deno.test("load() names tensor and dtype when the dtype is not a float", async () => {
  const files = memoryFiles({
    [PATH]: encodeSafetensors([{ name: "q.weight", shape: [2], data: new Int8Array([1, 2]) }]),
  });
  const weights = await openWeights(files);
  await assert.rejects(() => weights.load("q.weight", [2]), {
    name: "WeightsError",
    message: 'Cannot load "q.weight": expected dtype F32, F16 or BF16, got I8',
  });
});

Deno.test("load() gives both shapes when the stored one is not the expected one", async () => {
  const files = memoryFiles({
    [PATH]: encodeSafetensors([{
      name: "q_proj.weight",
      shape: [3, 2],
      data: new Float32Array(6),
    }]),
  });
  const weights = await openWeights(files);
  const message = (expected: string) =>
    `Cannot load "q_proj.weight": expected shape ${expected}, got [3, 2]`;
  await assert.rejects(() => weights.load("q_proj.weight", [2, 3]), { message: message("[2, 3]") });
  await assert.rejects(() => weights.load("q_proj.weight", [6]), { message: message("[6]") });
});

Deno.test("load() names a missing tensor and the nearest names", async () => {
  const tensor = (name: string) => ({ name, shape: [1], data: new Float32Array(1) });
  const files = memoryFiles({
    [PATH]: encodeSafetensors([
      tensor("layers.0.q_proj.weight"),
      tensor("layers.0.up.weight"),
      tensor("x"),
    ]),
  });
  const weights = await openWeights(files);
  assert.equal(weights.has("layers.0.query.weight"), false);
  const error = {
    name: "WeightsError",
    message: 'Cannot load "layers.0.query.weight": not among the 3 tensors of ' +
      '"tiny/model.safetensors"; the nearest names are "layers.0.q_proj.weight", ' +
      '"layers.0.up.weight"',
  };
  await assert.rejects(() => weights.load("layers.0.query.weight", [1]), error);
  assert.throws(() => weights.shape("layers.0.query.weight"), error);
});

Deno.test("openSafetensors() resolves tied names from the file's metadata", async () => {
  const files = memoryFiles({
    [PATH]: encodeSafetensors(
      [{ name: "lm_head.weight", shape: [1, 2], data: new Float32Array([1, 2]) }],
      { format: "pt", "model.embed_tokens.weight": "lm_head.weight" },
    ),
  });
  const weights = await openWeights(files);
  assert.deepEqual(weights.names, ["lm_head.weight", "model.embed_tokens.weight"]);
  assert.deepEqual(
    await weights.load("model.embed_tokens.weight", [1, 2]),
    new Float32Array([1, 2]),
  );
});

Deno.test("openSafetensors() passes on the codec's errors with the file's name", async () => {
  const whole = encodeSafetensors([{ name: "a", shape: [4], data: new Float32Array(4) }]);
  for (const size of [0, 7, 8, 20, whole.length - 1]) {
    const files = memoryFiles({ [PATH]: whole.slice(0, size) });
    await assert.rejects(() => openWeights(files), (error) => {
      assert.ok(error instanceof SafetensorsError);
      assert.match(error.message, /\(in "model\.safetensors"\)$/);
      return true;
    });
  }
});

Deno.test("openSafetensors() refuses a header longer than the file without reading it", async () => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, 1_000_000n, true);
  const files = memoryFiles({ [PATH]: bytes });
  await assert.rejects(() => openWeights(files), SafetensorsError);
  assert.deepEqual(files.reads.map(({ length }) => length), [8]);
});

Deno.test("load() gives the bytes that were read as floats, without a copy", async () => {
  const file = encodeSafetensors([{ name: "w", shape: [3], data: new Float32Array([1, -2, 3]) }]);
  const given: Uint8Array[] = [];
  const read = (offset: number, length: number) => {
    given.push(file.slice(offset, offset + length));
    return Promise.resolve(given[given.length - 1]);
  };
  const weights = await openSafetensors({
    label: "tiny",
    open: (name) => Promise.resolve({ name, size: () => Promise.resolve(file.length), read }),
  }, "model.safetensors");
  const floats = await weights.load("w", [3]);
  assert.deepEqual(floats, new Float32Array([1, -2, 3]));
  assert.equal(floats.buffer, given[given.length - 1].buffer);
});
