/** What the config.json of Llama and its descendants have in common. @module */

import type { ActivationKind } from "../engine/ops/activation_functions.ts";
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

/** How a family differs from Llama; all but the biases are Llama's where they are left out. */
export interface OwnSettings {
  readonly biases: LlamaDecoder["biases"];
  readonly headNorms?: boolean;
  /** Head size where the config has none. */
  readonly headSize?: number;
  readonly activation?: ActivationKind;
  readonly gainsFromOne?: boolean;
  /** Whether embeddings are multiplied by √C. */
  readonly scalesEmbeddings?: boolean;
  /** Whether embeddings are tied where the config does not say. */
  readonly tied?: boolean;
}

/** Reads the settings of a decoder; optional ones default as in Hugging Face's LlamaConfig, unless `own` says how a family's differ. */
export function readLlamaDecoder(config: ModelConfig, own: OwnSettings): LlamaDecoder {
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
    activation: own.activation ?? readActivation(config, "hidden_act", "silu"),
    norm: {
      epsilon: readPositive(config, "rms_norm_eps", 1e-6),
      gainsFromOne: own.gainsFromOne ?? false,
    },
    embeddingScale: own.scalesEmbeddings ? Math.sqrt(width) : 1,
    frequencies: readRopeFrequencies(config, headSize),
    maxTokens: readSize(config, "max_position_embeddings"),
    biases: own.biases,
    headNorms: own.headNorms ?? false,
    deviation: readPositive(config, "initializer_range", 0.02),
    tied: readTied(config, "model.embed_tokens", "lm_head", own.tied ?? false),
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
