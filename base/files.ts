/** What base/ holds beside these programs, made afresh. @module */

import { encodeSafetensors } from "../src/protocol/safetensors.ts";
import { maxTokens, specialTokensMap, tokenizerConfig, tokenizerJson } from "./tokenizer.ts";
import { baseVocabulary } from "./vocabulary.ts";
import { type EncoderSizes, randomWeights } from "./weights.ts";

/** A model's files by name, in Hugging Face layout. The same bytes every time, wherever it runs. */
export function baseFiles(): Map<string, Uint8Array> {
  const vocabulary = baseVocabulary();
  const sizes: EncoderSizes = {
    vocabulary: vocabulary.length,
    positions: maxTokens,
    tokenTypes: 2,
    width: 128,
    feedForward: 256,
    layers: 2,
  };
  return new Map([
    ["config.json", json(configJson(sizes))],
    ["model.safetensors", encodeSafetensors(randomWeights(sizes), { format: "pt" })],
    ["special_tokens_map.json", json(specialTokensMap)],
    ["tokenizer.json", json(tokenizerJson(vocabulary))],
    ["tokenizer_config.json", json(tokenizerConfig(vocabulary))],
  ]);
}

function configJson(sizes: EncoderSizes): Record<string, unknown> {
  return {
    architectures: ["BertModel"],
    attention_probs_dropout_prob: 0.1,
    hidden_act: "gelu",
    hidden_dropout_prob: 0.1,
    hidden_size: sizes.width,
    initializer_range: 0.02,
    intermediate_size: sizes.feedForward,
    layer_norm_eps: 1e-12,
    max_position_embeddings: sizes.positions,
    model_type: "bert",
    num_attention_heads: 4,
    num_hidden_layers: sizes.layers,
    pad_token_id: 0,
    position_embedding_type: "absolute",
    torch_dtype: "float32",
    type_vocab_size: sizes.tokenTypes,
    vocab_size: sizes.vocabulary,
  };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value, null, 2) + "\n");
}
