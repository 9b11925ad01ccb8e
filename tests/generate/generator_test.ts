import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import {
  cacheCapacity,
  type GeneratorSources,
  openGenerator,
} from "../../src/generate/generator.ts";
import type { WeightLoader } from "../../src/lora/load.ts";
import { mergeDelta } from "../../src/lora/merge.ts";
import type { FittedAdapter } from "../../src/lora/peft_fit.ts";
import type { Model } from "../../src/models/mod.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { normalNumbers, roundedTo } from "../engine/op_testing.ts";
import { BERT } from "../models/small_configs.ts";
import { assertClose, relativeError } from "../reference/compare.ts";
import { continuations, continuationsAndLogits } from "./continuations.ts";
import { CONTEXT, DECODERS, promptOf, tinyDecoder } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const { model, weights } = tinyDecoder(DECODERS.llama);

/** Weights as a type rounds them; norms and biases are not rounded. */
function rounded(dtype: "f16" | "int8", { load }: WeightLoader): WeightLoader {
  return {
    async load(name, shape) {
      const values = await load(name, shape);
      return shape.length < 2 ? values : roundedTo(dtype, values, shape[shape.length - 1]);
    },
  };
}

for (const baseDtype of ["f16", "int8"] as const) {
  for (const family of ["qwen2", "gpt2"]) {
    onEveryDevice(
      `openGenerator() with ${family} in ${baseDtype} gives the tokens and logits of its rounded weights`,
      async (device) => {
        const { model, weights } = tinyDecoder(DECODERS[family]);
        const prompts = [promptOf(5), promptOf(70)];
        const run = (sources: Partial<GeneratorSources>) =>
          continuationsAndLogits(device, { model, weights, ...sources }, prompts);
        const stored = await run({ baseDtype });
        const expected = await run({ weights: rounded(baseDtype, weights) });
        assert.deepEqual(stored.texts, expected.texts);
        assertClose(stored.logits, expected.logits, 1e-5, "logits");
        // The tokens alone may be the same without any rounding.
        assert.ok(relativeError(stored.logits, (await run({})).logits) > 1e-4);
      },
    );
  }
}

/** Rank 3 on every module that matches: what fitAdapter gives for an adapter's files. */
function adapterFor(model: Model, targets: RegExp): FittedAdapter {
  const modules = model.modules.filter(({ name }) => targets.test(name)).map((module) => ({
    ...module,
    a: normalNumbers(`${module.name} a`, 3 * module.inFeatures),
    b: normalNumbers(`${module.name} b`, 3 * module.outFeatures).map((value) => 0.2 * value),
  }));
  const unknown = { task: null, baseModel: null, baseHash: null, labels: null, reading: null };
  return { rank: 3, alpha: 3, modules, head: [], classes: undefined, ...unknown };
}

for (const family of ["llama", "gpt2"]) {
  onEveryDevice(
    `openGenerator() with an adapter of ${family} gives the tokens of the merged model`,
    async (device) => {
      const { model, weights } = tinyDecoder(DECODERS[family]);
      const adapter = adapterFor(model, /proj|c_attn|c_fc/);
      const byWeight = new Map(adapter.modules.map((module) => [`${module.name}.weight`, module]));
      const merged: WeightLoader = {
        async load(name, shape) {
          const weight = await weights.load(name, shape);
          const module = byWeight.get(name);
          return module ? mergeDelta(weight, module, 1) : weight;
        },
      };
      const prompts = [promptOf(4), promptOf(70)];
      const adapted = await continuations(device, { model, weights, adapter }, prompts);
      assert.deepEqual(adapted, await continuations(device, { model, weights: merged }, prompts));
      assert.notDeepEqual(adapted, await continuations(device, { model, weights }, prompts));
    },
  );
}

Deno.test("openGenerator() takes what an adapter saves in place of the base's, and refuses what it does not use", async () => {
  const name = "lm_head.weight", shape = [model.vocabulary, model.width];
  const data = normalNumbers("another head", shape[0] * shape[1]);
  const plain = adapterFor(model, /q_proj/);
  const saving = { ...plain, head: [{ name, shape, data }] };
  const other: WeightLoader = {
    load: (wanted, shape) => wanted === name ? Promise.resolve(data) : weights.load(wanted, shape),
  };
  const tokensOf = (sources: GeneratorSources) => continuations(cpu, sources, [promptOf(4)]);
  const saved = await tokensOf({ model, weights, adapter: saving });
  assert.deepEqual(saved, await tokensOf({ model, weights: other, adapter: plain }));
  assert.notDeepEqual(saved, await tokensOf({ model, weights, adapter: plain }));

  const tied = tinyDecoder({ ...DECODERS.llama, tie_word_embeddings: true });
  await assert.rejects(openGenerator(cpu, { ...tied, adapter: saving }), {
    name: "UserError",
    message:
      'Cannot generate with the adapter: it saves "lm_head.weight", which the model does not generate with',
  });
  // A classifier's head has no part in generation.
  const score = { name: "score.weight", shape: [2, 24], data: new Float32Array(48) };
  const classifier = { ...plain, classes: 2, head: [score] };
  assert.deepEqual(
    await tokensOf({ model, weights, adapter: classifier }),
    await tokensOf({ model, weights, adapter: plain }),
  );
});

Deno.test("openGenerator() says what cannot be", async () => {
  const open = (sources: Partial<GeneratorSources>) =>
    openGenerator(cpu, { model, weights, ...sources });
  await assert.rejects(open({ model: tinyDecoder(BERT).model }), {
    name: "UserError",
    message:
      'Cannot generate text with a model of family "bert", an encoder: expected a decoder, such as Llama, Qwen, Gemma or GPT-2',
  });
  await assert.rejects(open({ tokens: CONTEXT + 1 }), /UserError: .* expected at most 160, /);
  await assert.rejects(open({ tokens: 0 }), /RangeError: .* whole number of at least 1/);
});

Deno.test("cacheCapacity() is a power of two of blocks", () => {
  assert.deepEqual([1, 64, 65, 128, 129, 500].map(cacheCapacity), [64, 64, 128, 128, 256, 512]);
});
