/** Llama (Touvron et al. 2023, Grattafiori et al. 2024) as Hugging Face stores it. @module */

import { readFlag } from "./config.ts";
import type { Family } from "./family.ts";
import { llamaModel } from "./llama_decoder.ts";
import { readLlamaDecoder } from "./llama_settings.ts";

/** model_type "llama". Checkpoints of LlamaForCausalLM serve as bases too; their language-model head is left out. */
export const llama: Family = {
  name: "llama",
  modelTypes: ["llama"],
  read(config) {
    const attention = readFlag(config, "attention_bias", false);
    const feedForward = readFlag(config, "mlp_bias", false);
    const biases = { projections: attention, output: attention, feedForward };
    return llamaModel("llama", "Llama", readLlamaDecoder(config, { biases }));
  },
};
