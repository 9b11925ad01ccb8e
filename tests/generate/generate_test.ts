import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { generate, type GenerateOptions } from "../../src/generate/generate.ts";
import { openGenerator } from "../../src/generate/generator.ts";
import type { WeightLoader } from "../../src/lora/load.ts";
import { onEveryDevice } from "../engine/devices.ts";
import { continuations, greedy } from "./continuations.ts";
import { DECODERS, greedyWithoutCache, promptOf, tinyDecoder } from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });

for (const [name, config] of Object.entries(DECODERS)) {
  onEveryDevice(
    `generate() with ${name} gives the greedy tokens of the model without a cache`,
    async (device, kind) => {
      const { model, weights } = tinyDecoder(config);
      // On both sides of a block of the prompt; a later text finds the cache of an earlier one.
      const lengths = kind === "cpu" ? [70, 1, 2, 64, 65, 66, 140] : [70, 3];
      const actual = await continuations(device, { model, weights }, lengths.map(promptOf));
      for (const [i, length] of lengths.entries()) {
        const prompt = promptOf(length);
        const expected = await greedyWithoutCache(device, model, weights, prompt, 12);
        assert.deepEqual(actual[i], expected, `prompt of ${length}`);
      }
      assert.ok(new Set(actual.flat()).size > 3, "the texts are not one token again and again");
    },
  );
}

const { model, weights } = tinyDecoder(DECODERS.llama);

onEveryDevice("generate() fills its cache to the last token", async (device) => {
  const prompt = promptOf(64 - greedy.maxTokens);
  assert.deepEqual(
    await continuations(device, { model, weights, tokens: 64 }, [prompt]),
    await continuations(device, { model, weights }, [prompt]),
  );
});

Deno.test("generate() ends before an end token, whichever of several comes first", async () => {
  const [tokens] = await continuations(cpu, { model, weights }, [promptOf(3)]);
  const place = tokens.findIndex((id, i) => i > 2 && tokens.indexOf(id) === i);
  assert.ok(place > 2, "some later token is new");
  const absent = tokens.includes(60) ? 59 : 60;
  const options = { ...greedy, endTokens: [absent, tokens[place]] };
  assert.deepEqual(await continuations(cpu, { model, weights }, [promptOf(3)], options), [
    tokens.slice(0, place),
  ]);
});

Deno.test("generate() draws the same text for the same seed, and others for other seeds", async () => {
  const draw = async (options: Partial<GenerateOptions>): Promise<string> => {
    const drawn = { maxTokens: 30, temperature: 1.5, ...options };
    return (await continuations(cpu, { model, weights }, [promptOf(3)], drawn)).join();
  };
  const filtered = { topK: 20, topP: 0.9 };
  assert.equal(await draw({ ...filtered, seed: 1 }), await draw({ ...filtered, seed: 1 }));
  assert.notEqual(await draw({ ...filtered, seed: 1 }), await draw({ ...filtered, seed: 2 }));
  const likeliest = await draw({ temperature: 0 });
  assert.equal(await draw({ temperature: 1e-6 }), likeliest, "cold draws are the greedy text");
  assert.equal(await draw({ topK: 1 }), likeliest);
  assert.equal(await draw({ topP: 1e-6 }), likeliest);
});

Deno.test("generate() gives the same logits for every number of threads", async () => {
  const wide = { n_embd: 256, n_layer: 1, n_head: 4, n_positions: 128, vocab_size: 3000 };
  const sources = { ...tinyDecoder({ model_type: "gpt2", ...wide }), tokens: 100 };
  const logits = await Promise.all([1, 2, 3].map(async (threads) => {
    const generator = await openGenerator(createCpuDevice({ threads }), sources);
    await Array.fromAsync(generate(generator, promptOf(70), { maxTokens: 3, temperature: 0 }));
    const values = await generator.executor.read("logits");
    await generator.executor.close();
    return values;
  }));
  assert.deepEqual(logits[1], logits[0]);
  assert.deepEqual(logits[2], logits[0]);
});

Deno.test("generate() stops where its signal says", async () => {
  const generator = await openGenerator(cpu, { model, weights });
  const controller = new AbortController();
  const reason = new Error("enough");
  const seen: number[] = [];
  await assert.rejects(async () => {
    const options = { maxTokens: 100, temperature: 0, signal: controller.signal };
    for await (const id of generate(generator, [1], options)) {
      seen.push(id);
      if (seen.length === 5) controller.abort(reason);
    }
  }, reason);
  assert.equal(seen.length, 5);
  await generator.executor.close();
});

Deno.test("generate() says at once what cannot be", async () => {
  const generator = await openGenerator(cpu, { model, weights, tokens: 20 });
  const refused = (message: RegExp, prompt: number[], options: Partial<GenerateOptions> = {}) =>
    assert.throws(() => generate(generator, prompt, { ...greedy, ...options }), message);
  refused(/^UserError: Cannot continue a prompt without tokens/, []);
  refused(/^UserError: .* expected token ids below 61, got 61$/, [3, 61]);
  refused(
    /^UserError: Cannot generate 12 tokens after a prompt of 9: expected at most 20 in all, got 21$/,
    promptOf(9),
  );
  refused(/^UserError: Cannot generate 0 tokens: /, [1], { maxTokens: 0 });
  refused(/^UserError: .* temperature of -1: /, [1], { temperature: -1 });
  refused(/^UserError: .* temperature of NaN: /, [1], { temperature: NaN });
  refused(/^UserError: .* top-k of 0: /, [1], { topK: 0 });
  refused(/^UserError: .* top-p of 1\.5: /, [1], { topP: 1.5 });
  refused(/^UserError: .* top-p of 0: /, [1], { topP: 0 });
  await generator.executor.close();
});

Deno.test("generate() names logits that are not finite instead of choosing among them", async () => {
  const broken: WeightLoader = {
    load: async (name, shape) => (await weights.load(name, shape)).fill(NaN),
  };
  await assert.rejects(
    continuations(cpu, { model, weights: broken }, [[1]]),
    /RangeError: .* finite logits, got NaN/,
  );
});
