/** Tiny decoders with seeded weights, and greedy generation without a cache. */

import type { Device } from "../../src/engine/device.ts";
import { lower } from "../../src/engine/lower.ts";
import { createProgram, elementCount, keepAs } from "../../src/engine/program.ts";
import type { WeightLoader } from "../../src/lora/load.ts";
import { type Model, readModel } from "../../src/models/mod.ts";
import { normalNumbers } from "../engine/op_testing.ts";
import { LLAMA3_SCALING } from "../models/small_configs.ts";
import { recordingContext } from "../models/support.ts";

/** Tokens that the tiny models take: more than two blocks of a prompt. */
export const CONTEXT = 160;

const llama = {
  model_type: "llama",
  vocab_size: 61,
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 40,
  max_position_embeddings: CONTEXT,
};

/** A config.json of each decoder family, and of each kind of rotary positions. */
export const DECODERS: Readonly<Record<string, Record<string, unknown>>> = {
  "llama": llama,
  "llama with llama3 scaling": {
    ...llama,
    rope_scaling: { ...LLAMA3_SCALING, original_max_position_embeddings: 32 },
  },
  "llama with linear scaling": { ...llama, rope_scaling: { rope_type: "linear", factor: 4 } },
  "qwen2": { ...llama, model_type: "qwen2", tie_word_embeddings: true },
  "qwen3": { ...llama, model_type: "qwen3", head_dim: 10 },
  "gemma": { ...llama, model_type: "gemma", head_dim: 12 },
  "gpt2": {
    model_type: "gpt2",
    vocab_size: 61,
    n_embd: 24,
    n_layer: 2,
    n_head: 4,
    n_positions: CONTEXT,
  },
};

/** A model with weights that depend on their names alone, large enough that tokens differ. */
export function tinyDecoder(
  config: Readonly<Record<string, unknown>>,
): { readonly model: Model; readonly weights: WeightLoader } {
  return { model: readModel(config), weights: seededWeights };
}

const seededWeights: WeightLoader = {
  load(name, shape) {
    const values = normalNumbers(name, elementCount(shape));
    // Gains around 1, so that states do not vanish.
    const isGain = /norm|ln_/.test(name) && name.endsWith(".weight");
    return Promise.resolve(values.map((value) => isGain ? 1 + 0.1 * value : 0.4 * value));
  },
};

/** Prompt ids of the tiny vocabularies, the same for the same length. */
export function promptOf(length: number): number[] {
  return Array.from({ length }, (_, i) => (7 * i + i * i) % 61);
}

/** Greedy tokens by a program over all rows, run anew for each token: no cache, and attention that masks what is not there yet. */
export async function greedyWithoutCache(
  device: Device,
  model: Model,
  weights: WeightLoader,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  const T = prompt.length + count;
  const program = createProgram("whole rows");
  const { context, requests } = recordingContext(program, 1, T, false, device.info.kind);
  keepAs(program, model.languageModel!.logits(context, model.encode(context)), "logits");
  const executor = await device.load([lower(program)]);
  try {
    for (const [name, shape] of requests.weights) {
      executor.write(name, await weights.load(name, shape));
    }
    for (const [name, data] of requests.constants) executor.write(name, data);
    const ids = new Uint32Array(T), mask = new Uint32Array(T);
    ids.set(prompt);
    executor.write("positions", Uint32Array.from(ids, (_, t) => t));
    for (let length = prompt.length; length < T; length++) {
      executor.write("ids", ids);
      executor.write("mask", mask.fill(1, 0, length));
      executor.run(program.name);
      const { vocabulary } = model;
      const logits = await executor.read("logits", (length - 1) * vocabulary, vocabulary);
      ids[length] = logits.indexOf(Math.max(...logits));
    }
    return [...ids.subarray(prompt.length)];
  } finally {
    await executor.close();
  }
}
