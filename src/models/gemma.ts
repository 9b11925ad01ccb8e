/** Gemma (Gemma Team 2024), the first: Llama's decoder with wide heads, a GELU gate, scaled embeddings, and gains stored from 1 on. @module */

import { readActivation } from "./activations.ts";
import { readFlag } from "./config.ts";
import type { Family } from "./family.ts";
import { llamaModel } from "./llama_decoder.ts";
import { readLlamaDecoder } from "./llama_settings.ts";

/** model_type "gemma". */
export const gemma: Family = {
  name: "gemma",
  modelTypes: ["gemma"],
  read(config) {
    const attention = readFlag(config, "attention_bias", false);
    const decoder = readLlamaDecoder(config, {
      biases: { projections: attention, output: attention, feedForward: false },
      // Hugging Face's GemmaConfig has this where head_dim is absent, whatever the width.
      headSize: 256,
      // The first configs say "gelu" in hidden_act by mistake; Hugging Face does not go by it either.
      activation: readActivation(config, "hidden_activation", "gelu_pytorch_tanh"),
      gainsFromOne: true,
      scalesEmbeddings: true,
      tied: true,
    });
    return llamaModel("gemma", "Gemma", decoder);
  },
};
