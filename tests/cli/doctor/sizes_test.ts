import assert from "node:assert/strict";
import { isTrainableFor, trainingSize } from "../../../src/cli/doctor/sizes.ts";
import { knownShapes } from "../../../src/cli/doctor/shapes.ts";

const [small] = knownShapes;
const cpu = { kind: "cpu", threads: 2 } as const;

function shapeOf(name: string) {
  return knownShapes.find((shape) => shape.name === name)!;
}

Deno.test("trainingSize counts the parameters that the models' authors publish", () => {
  const count = (name: string) =>
    trainingSize(shapeOf(name), { ...cpu, available: undefined }, 0).parameters;
  assert.equal(count("distilbert-base-uncased"), 66_362_880);
  assert.equal(count("gpt2"), 124_439_808);
  assert.equal(count("Llama-3.2-1B"), 1_235_814_400);
  assert.equal(
    count(small.name),
    22_713_216 - 384 * 385,
    "without the pooler, which no head reads",
  );
});

Deno.test("trainingSize takes less by a compact base and by recomputation", () => {
  const { parameters, memory } = trainingSize(small, { ...cpu, available: undefined }, 0);
  const bytes = (baseDtype: string, recompute: boolean) =>
    memory.find((one) => one.baseDtype === baseDtype && one.recompute === recompute)!.bytes;
  for (const dtype of ["f32", "f16", "int8"]) assert.ok(bytes(dtype, true) < bytes(dtype, false));
  const saved = bytes("f32", false) - bytes("f16", false);
  assert.ok(saved > 1.9 * parameters && saved <= 2 * parameters, `${saved}: biases stay f32`);
  assert.ok(bytes("int8", false) < bytes("f16", false));
  assert.ok(bytes("f32", true) > 4 * parameters);
});

Deno.test("trainingSize holds what is planned to the free memory, runtime included", () => {
  const { memory: [{ bytes }] } = trainingSize(small, { ...cpu, available: undefined }, 0);
  const fits = (available: number, runtime: number) =>
    trainingSize(small, { ...cpu, available }, runtime).memory[0].fits;
  assert.deepEqual([fits(bytes, 0), fits(bytes - 1, 0), fits(bytes, 1)], [true, false, false]);
});

Deno.test("trainingSize knows the 4 GiB of the CPU device and the limits of an adapter", () => {
  const llama = shapeOf("Llama-3.2-1B");
  const onCpu = trainingSize(llama, { ...cpu, available: undefined }, 0).memory;
  assert.equal(
    onCpu.find(({ baseDtype }) => baseDtype === "f32")!.fits,
    false,
    "4.9 GB of weights",
  );
  assert.equal(onCpu.find((one) => one.baseDtype === "int8" && one.recompute)!.fits, true);
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
  const on = (maxBufferSize: number) =>
    trainingSize(small, {
      kind: "webgpu",
      available: undefined,
      limits: { ...limits, maxBufferSize },
    }, 0).memory[0].fits;
  assert.deepEqual([on(limits.maxBufferSize), on(2 ** 24)], [true, false]);
});

Deno.test("trainingSize plans a language model with less than its logits would take", () => {
  const gpt2 = shapeOf("gpt2");
  assert.deepEqual([small, gpt2].map((shape) => isTrainableFor("lm", shape)), [false, true]);
  assert.deepEqual([small, gpt2].map((shape) => isTrainableFor("classify", shape)), [true, true]);
  const bytes = (task: "classify" | "lm") =>
    trainingSize(gpt2, { ...cpu, available: undefined }, 0, task).memory[0].bytes;
  const logits = 4 * 64 * 63 * 50257; // of an evaluation of 64 rows
  assert.ok(bytes("lm") > bytes("classify") && bytes("lm") < bytes("classify") + logits);
});
