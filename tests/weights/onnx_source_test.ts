import assert from "node:assert/strict";
import { openOnnx, openWeights, type WeightSource } from "../../src/weights/mod.ts";
import { memoryFiles } from "./memory_files.ts";
import { encodeOnnx, type TestNode, type TestTensor } from "./onnx_writer.ts";

const PATH = "onnx/model.onnx";
const FLOAT = 1;

function open(initializers: TestTensor[], nodes?: TestNode[]): Promise<WeightSource> {
  return openWeights(memoryFiles({ [PATH]: encodeOnnx(initializers, nodes) }));
}

function floats(name: string, dims: number[], values: number[]): TestTensor {
  return { name, dims, dataType: FLOAT, floats: values };
}

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

Deno.test("openOnnx() loads every float type, raw or in its own field", async () => {
  // 1.5 and -2: f16 0x3e00, 0xc000; bf16 0x3fc0, 0xc000.
  const dims = [2];
  const weights = await open([
    { name: "m.f32", dims, dataType: 1, raw: bytesOf(new Float32Array([1.5, -2])) },
    { name: "m.f32_field", dims, dataType: 1, floats: [1.5, -2] },
    { name: "m.f16", dims, dataType: 10, raw: bytesOf(new Uint16Array([0x3e00, 0xc000])) },
    { name: "m.f16_field", dims, dataType: 10, int32s: [0x3e00, 0xc000] },
    { name: "m.bf16", dims, dataType: 16, raw: bytesOf(new Uint16Array([0x3fc0, 0xc000])) },
    { name: "m.bf16_field", dims, dataType: 16, int32s: [0x3fc0, 0xc000] },
    { name: "m.f64", dims, dataType: 11, raw: bytesOf(new Float64Array([1.5, -2])) },
    { name: "m.f64_field", dims, dataType: 11, doubles: [1.5, -2] },
  ]);
  assert.equal(weights.names.length, 8);
  for (const name of weights.names) {
    assert.deepEqual(await weights.load(name, [2]), new Float32Array([1.5, -2]), name);
  }
});

Deno.test("openOnnx() names a MatMul's weight by its node's path and turns it to [out, in]", async () => {
  const weights = await open(
    [floats("onnx::MatMul_7", [2, 3], [1, 2, 3, 4, 5, 6])],
    [{
      operator: "MatMul",
      name: "/layers.0/q_proj/MatMul",
      inputs: ["x", "onnx::MatMul_7"],
      output: "y",
    }],
  );
  assert.deepEqual(weights.names, ["layers.0.q_proj.weight"]);
  assert.deepEqual(weights.shape("layers.0.q_proj.weight"), [3, 2]);
  assert.deepEqual(
    await weights.load("layers.0.q_proj.weight", [3, 2]),
    new Float32Array([1, 4, 2, 5, 3, 6]),
  );
});

Deno.test("openOnnx() names a MatMul's weight by the bias added to it, on either side", async () => {
  for (const inputs of [["12", "dense.bias"], ["dense.bias", "12"]]) {
    const weights = await open(
      [floats("182", [2, 1], [1, 2]), floats("dense.bias", [1], [3])],
      [
        { operator: "MatMul", name: "MatMul_31", inputs: ["x", "182"], output: "12" },
        { operator: "Add", name: "Add_32", inputs, output: "13" },
      ],
    );
    assert.deepEqual(await weights.load("dense.weight", [1, 2]), new Float32Array([1, 2]));
  }
});

Deno.test("openOnnx() turns a Gemm's anonymous weight unless transB says it is [out, in]", async () => {
  for (const transB of [0, 1]) {
    const weights = await open(
      [floats("9", [2, 2], [1, 2, 3, 4]), floats("head.bias", [2], [0, 0])],
      [{ operator: "Gemm", name: "Gemm_1", inputs: ["x", "9", "head.bias"], output: "y", transB }],
    );
    assert.deepEqual(
      await weights.load("head.weight", [2, 2]),
      new Float32Array(transB === 1 ? [1, 2, 3, 4] : [1, 3, 2, 4]),
    );
  }
});

Deno.test("openOnnx() keeps the orientation of a weight that kept its name", async () => {
  const weights = await open(
    [floats("h.0.attn.c_attn.weight", [1, 3], [1, 2, 3])],
    [{
      operator: "MatMul",
      name: "/h.0/attn/MatMul",
      inputs: ["x", "h.0.attn.c_attn.weight"],
      output: "y",
    }],
  );
  assert.deepEqual(weights.names, ["h.0.attn.c_attn.weight"]);
  assert.deepEqual(weights.shape("h.0.attn.c_attn.weight"), [1, 3]);
});

Deno.test("openOnnx() follows Identity nodes to tensors stored once for several names", async () => {
  const weights = await open(
    [floats("layer.0.norm.bias", [2], [1, 2]), floats("5", [1, 2], [3, 4])],
    [
      { operator: "Identity", inputs: ["layer.0.norm.bias"], output: "layer.1.norm.bias" },
      { operator: "Identity", inputs: ["5"], output: "6" },
      { operator: "MatMul", name: "/up/MatMul", inputs: ["x", "6"], output: "y" },
    ],
  );
  assert.deepEqual(await weights.load("layer.1.norm.bias", [2]), new Float32Array([1, 2]));
  assert.deepEqual(await weights.load("up.weight", [2, 1]), new Float32Array([3, 4]));
});

Deno.test("openOnnx() leaves weights anonymous when two claim one module", async () => {
  const weights = await open(
    [
      floats("1", [1, 1], [1]),
      floats("2", [1, 1], [2]),
      floats("shared.bias", [1], [0]),
    ],
    [
      { operator: "MatMul", inputs: ["x", "1"], output: "a" },
      { operator: "Add", inputs: ["a", "shared.bias"], output: "b" },
      { operator: "MatMul", inputs: ["x", "2"], output: "c" },
      { operator: "Add", inputs: ["c", "shared.bias"], output: "d" },
    ],
  );
  assert.deepEqual(weights.names, ["1", "2", "shared.bias"]);
  await assert.rejects(() => weights.load("shared.weight", [1, 1]), {
    message: /Cannot load "shared\.weight": not among the 3 tensors of "tiny\/onnx\/model\.onnx"/,
  });
});

Deno.test("load() of an ONNX tensor gives both shapes, in PyTorch's orientation", async () => {
  const weights = await open(
    [floats("1", [2, 3], [1, 2, 3, 4, 5, 6])],
    [{ operator: "MatMul", name: "/q/MatMul", inputs: ["x", "1"], output: "y" }],
  );
  await assert.rejects(() => weights.load("q.weight", [2, 3]), {
    name: "WeightsError",
    message: 'Cannot load "q.weight": expected shape [2, 3], got [3, 2]',
  });
});

Deno.test("load() names an ONNX tensor that holds integers, or too few values", async () => {
  const weights = await open([
    { name: "position.ids", dims: [1], dataType: 7, raw: new Uint8Array(8) },
    floats("short.bias", [3], [1, 2]),
  ]);
  await assert.rejects(() => weights.load("position.ids", [1]), {
    message: 'Cannot load "position.ids": expected float initializers, got ONNX data type 7',
  });
  await assert.rejects(() => weights.load("short.bias", [3]), {
    message: 'Cannot load "short.bias": expected 3 values for shape [3], got 2',
  });
});

const quantized = {
  name: "WeightsError",
  message:
    'Cannot load weights from "tiny/onnx/model.onnx": the ONNX file is quantized; expected ' +
    "float initializers",
};

for (
  const operator of [
    "QLinearMatMul",
    "DynamicQuantizeLinear",
    "DequantizeLinear",
    "MatMulInteger",
    "MatMulNBits",
    "QAttention",
  ]
) {
  Deno.test(`openOnnx() refuses a graph with ${operator} as quantized`, async () => {
    await assert.rejects(() => open([], [{ operator, inputs: ["x"], output: "y" }]), quantized);
  });
}

Deno.test("openOnnx() refuses int8 weights as quantized, not QuickGelu or a scalar", async () => {
  const int8 = (dims: number[]): TestTensor => ({
    name: "dense.weight_quantized",
    dims,
    dataType: 3,
    raw: new Uint8Array(dims.reduce((product, size) => product * size, 1)),
  });
  await assert.rejects(() => open([int8([2, 2])]), quantized);
  await open([int8([])], [{ operator: "QuickGelu", inputs: ["x"], output: "y" }]);
});

Deno.test("openOnnx() keeps nothing of the file: a tensor inside it is read by range", async () => {
  const tensor = (name: string, ...values: number[]) => ({
    name,
    dims: [values.length],
    dataType: FLOAT,
    raw: bytesOf(new Float32Array(values)),
  });
  const file = encodeOnnx([tensor("a.bias", 3, 4), tensor("b.bias", 5)]);
  const files = memoryFiles({ [PATH]: file });
  const weights = await openOnnx(files, PATH);
  assert.deepEqual(files.reads.splice(0).map(({ length }) => length), [file.length]);
  assert.deepEqual(await weights.load("b.bias", [1]), new Float32Array([5]));
  assert.deepEqual(files.reads.map(({ length }) => length), [4]);
});

Deno.test("openOnnx() reads external data by range, beside the ONNX file", async () => {
  const external = { location: "model.onnx_data", offset: "8", length: "8" };
  const files = memoryFiles({
    [PATH]: encodeOnnx([{ name: "a.bias", dims: [2], dataType: FLOAT, external }]),
    "onnx/model.onnx_data": bytesOf(new Float32Array([9, 9, 3, 4, 9])),
  });
  const weights = await openOnnx(files, PATH);
  files.reads.splice(0);
  assert.deepEqual(await weights.load("a.bias", [2]), new Float32Array([3, 4]));
  assert.deepEqual(files.reads, [{ path: "onnx/model.onnx_data", offset: 8, length: 8 }]);
});

for (
  const [what, external, expected] of [
    ["is missing", { location: "other" }, /its external data "onnx\/other" is missing/],
    ["ends too early", { location: "data", offset: "4" }, /8 bytes .* inside the 8 of/],
    ["has another length", { location: "data", length: "4" }, /expected 8 bytes .* got 4/],
    ["has no such offset", { location: "data", offset: "x" }, /got 8 at offset NaN/],
    ["lies outside", { location: "../../data" }, /expected a file inside the model folder/],
    ["has no location", {}, /expected a file inside the model folder/],
  ] as const
) {
  Deno.test(`load() refuses external data that ${what}`, async () => {
    const tensor = { name: "a.bias", dims: [2], dataType: FLOAT, external: { offset: "0" } };
    const files = memoryFiles({
      [PATH]: encodeOnnx([{ ...tensor, external: { ...external } }]),
      "onnx/data": new Uint8Array(8),
    });
    const weights = await openOnnx(files, PATH);
    await assert.rejects(() => weights.load("a.bias", [2]), { message: expected });
  });
}

Deno.test("openOnnx() refuses a file cut anywhere", async () => {
  const whole = encodeOnnx(
    [floats("dense.bias", [2], [1, 2]), floats("1", [2, 2], [1, 2, 3, 4])],
    [{ operator: "MatMul", name: "/dense/MatMul", inputs: ["x", "1"], output: "y", transB: 0 }],
  );
  await openOnnx(memoryFiles({ [PATH]: whole }), PATH);
  for (let size = 0; size < whole.length; size++) {
    const files = memoryFiles({ [PATH]: whole.slice(0, size) });
    await assert.rejects(() => openOnnx(files, PATH), {
      name: "WeightsError",
      message: /^Cannot read "onnx\/model\.onnx" as an ONNX file: /,
    }, `cut at ${size}`);
  }
});
