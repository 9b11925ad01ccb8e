/** What the config.json of Llama and its descendants have in common. @module */

import { readActivation } from "./activations.ts";
import {
  type ModelConfig,
  readFlag,
  readLayers,
  readPositive,
  readSize,
  requireDivisor,
  unsupported,
} from "./config.ts";
import type { LlamaDecoder } from "./llama_decoder.ts";
import { readRopeFrequencies } from "./rope_settings.ts";
import { readTied } from "./tied.ts";

/** Reads the settings of a decoder; optional ones default as in Hugging Face's LlamaConfig, unless `own` says how a family's differ. */
export function readLlamaDecoder(
  config: ModelConfig,
  own: Pick<LlamaDecoder, "biases" | "headNorms"> & { readonly headSize?: number },
): LlamaDecoder {
  const width = readSize(config, "hidden_size");
  const heads = readSize(config, "num_attention_heads");
  const keyHeads = readSize(config, "num_key_value_heads", heads);
  requireDivisor("num_attention_heads", heads, "num_key_value_heads", keyHeads);
  if (own.headSize === undefined && (config.head_dim ?? null) === null) {
    requireDivisor("hidden_size", width, "num_attention_heads", heads);
  }
  const headSize = readSize(config, "head_dim", own.headSize ?? width / heads);
  return {
    width,
    heads,
    keyHeads,
    headSize,
    vocabulary: readSize(config, "vocab_size"),
    layers: readLayers(config, "num_hidden_layers"),
    feedForward: readSize(config, "intermediate_size"),
    activation: readActivation(config, "hidden_act", "silu"),
    epsilon: readPositive(config, "rms_norm_eps", 1e-6),
    frequencies: readRopeFrequencies(config, headSize),
    maxTokens: readSize(config, "max_position_embeddings"),
    biases: own.biases,
    headNorms: own.headNorms,
    deviation: readPositive(config, "initializer_range", 0.02),
    tied: readTied(config, "model.embed_tokens", "lm_head", false),
  };
}

/** Throws UnsupportedModelError where a layer of the config sees a window of the text only. */
export function requireWholeAttention(config: ModelConfig): void {
  if (readFlag(config, "use_sliding_window", false)) {
    throw unsupported("use_sliding_window", "false", true);
  }
  const kinds = config.layer_types ?? [];
  if (!Array.isArray(kinds) || kinds.some((kind) => kind !== "full_attention")) {
    throw unsupported("layer_types", '"full_attention" for every layer', kinds);
  }
}
