/** Qwen3 (Yang et al. 2025), the dense models: Llama's decoder with each head's query and key normalised. @module */

import { readFlag } from "./config.ts";
import type { Family } from "./family.ts";
import { llamaModel } from "./llama_decoder.ts";
import { readLlamaDecoder, requireWholeAttention } from "./llama_settings.ts";

/** Hugging Face's Qwen3Config has this where head_dim is absent, whatever the width. */
const HEAD_SIZE = 128;

/** model_type "qwen3". */
export const qwen3: Family = {
  name: "qwen3",
  modelTypes: ["qwen3"],
  read(config) {
    requireWholeAttention(config);
    const attention = readFlag(config, "attention_bias", false);
    const biases = { projections: attention, output: attention, feedForward: false };
    const own = { biases, headNorms: true, headSize: HEAD_SIZE };
    return llamaModel("qwen3", "Qwen3", readLlamaDecoder(config, own));
  },
};
