/** Shapes of published models, as their config.json has them: what their memory is planned from. @module */

/** A model by its shape. */
export interface KnownShape {
  /** What people call it. */
  readonly name: string;
  /** The fields of its config.json that shape it. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** The smallest GPT-2 of Radford et al. 2019: 124,439,808 parameters. */
export const GPT2 = {
  model_type: "gpt2",
  vocab_size: 50257,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  n_positions: 1024,
};

/** Small to large. */
export const knownShapes: readonly KnownShape[] = [
  {
    name: "all-MiniLM-L6-v2",
    config: {
      model_type: "bert",
      vocab_size: 30522,
      hidden_size: 384,
      num_hidden_layers: 6,
      num_attention_heads: 12,
      intermediate_size: 1536,
      max_position_embeddings: 512,
      type_vocab_size: 2,
    },
  },
  {
    name: "distilbert-base-uncased",
    config: {
      model_type: "distilbert",
      vocab_size: 30522,
      dim: 768,
      n_layers: 6,
      n_heads: 12,
      hidden_dim: 3072,
      max_position_embeddings: 512,
    },
  },
  { name: "gpt2", config: GPT2 },
  {
    name: "Qwen2.5-0.5B",
    config: {
      model_type: "qwen2",
      vocab_size: 151936,
      hidden_size: 896,
      num_hidden_layers: 24,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      intermediate_size: 4864,
      max_position_embeddings: 32768,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
      tie_word_embeddings: true,
    },
  },
  {
    name: "Llama-3.2-1B",
    config: {
      model_type: "llama",
      vocab_size: 128256,
      hidden_size: 2048,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      rms_norm_eps: 1e-5,
      rope_theta: 500000,
      rope_scaling: {
        rope_type: "llama3",
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
      tie_word_embeddings: true,
    },
  },
];
