/** The least config.json of each family: what has no default. */

export const BERT = {
  model_type: "bert",
  vocab_size: 30,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 12,
};
export const DISTILBERT = {
  model_type: "distilbert",
  vocab_size: 30,
  dim: 8,
  n_layers: 1,
  n_heads: 2,
  hidden_dim: 16,
  max_position_embeddings: 12,
};
export const ROBERTA = { ...BERT, model_type: "roberta" };
export const LLAMA = { ...BERT, model_type: "llama" };
export const QWEN2 = { ...BERT, model_type: "qwen2" };
export const QWEN3 = { ...BERT, model_type: "qwen3" };
export const GEMMA = { ...BERT, model_type: "gemma" };
export const GPT2 = {
  model_type: "gpt2",
  vocab_size: 30,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  n_positions: 12,
};
/** "rope_scaling" of Llama 3.1. */
export const LLAMA3_SCALING = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};
