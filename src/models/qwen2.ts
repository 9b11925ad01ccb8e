/** Qwen2 and Qwen2.5 (Yang et al. 2024): Llama's decoder with biases on query, key and value. @module */

import type { Family } from "./family.ts";
import { llamaModel } from "./llama_decoder.ts";
import { readLlamaDecoder, requireWholeAttention } from "./llama_settings.ts";

const BIASES = { projections: true, output: false, feedForward: false };

/** model_type "qwen2". */
export const qwen2: Family = {
  name: "qwen2",
  modelTypes: ["qwen2"],
  read(config) {
    requireWholeAttention(config);
    return llamaModel("qwen2", "Qwen2", readLlamaDecoder(config, { biases: BIASES }));
  },
};
