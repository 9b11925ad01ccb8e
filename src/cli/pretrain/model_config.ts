/** The config.json of a model to pretrain. @module */

import type { PretrainConfig } from "./config.ts";
import type { SpecialIds } from "./special_ids.ts";

/**
 * Standard deviation of the initial matrices: BERT's 0.02 at its width of 768, and by 1/√C at others (as fan-in asks), where 0.02 would leave what a
 * layer adds, and with it every gradient of attention, next to nothing.
 */
export function initialDeviation(width: number): number {
  return 0.02 * Math.sqrt(768 / width);
}

/** Hugging Face's config.json of a BERT (masked) or a Llama (next) of the sizes that were asked for. */
export function modelConfig(
  { objective, layers, width, heads, feedForward, tokens }: PretrainConfig,
  vocabulary: number,
  { pad, start, end }: SpecialIds,
): Record<string, unknown> {
  const sizes = {
    hidden_size: width,
    initializer_range: initialDeviation(width),
    intermediate_size: feedForward,
    max_position_embeddings: tokens,
    num_attention_heads: heads,
    num_hidden_layers: layers,
    pad_token_id: pad,
    torch_dtype: "float16",
    vocab_size: vocabulary,
  };
  switch (objective) {
    case "masked":
      return {
        architectures: ["BertForMaskedLM"],
        attention_probs_dropout_prob: 0.1,
        hidden_act: "gelu",
        hidden_dropout_prob: 0.1,
        layer_norm_eps: 1e-12,
        model_type: "bert",
        position_embedding_type: "absolute",
        type_vocab_size: 2,
        ...sizes,
      };
    case "next":
      return {
        architectures: ["LlamaForCausalLM"],
        attention_bias: false,
        bos_token_id: start ?? null,
        eos_token_id: end,
        hidden_act: "silu",
        mlp_bias: false,
        model_type: "llama",
        num_key_value_heads: heads,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        tie_word_embeddings: true,
        ...sizes,
      };
    default:
      return objective satisfies never;
  }
}
