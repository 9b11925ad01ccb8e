import assert from "node:assert/strict";
import { ModelConfigError, readModel, UnsupportedModelError } from "../../src/models/mod.ts";
import { UserError } from "../../src/protocol/errors.ts";
import {
  BERT,
  DISTILBERT,
  GEMMA,
  GPT2,
  LLAMA,
  LLAMA3_SCALING,
  QWEN2,
  QWEN3,
  ROBERTA,
} from "./small_configs.ts";

function without(config: Record<string, unknown>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([name]) => name !== key));
}

Deno.test("readModel() finds the family of every supported model_type", () => {
  const families = [
    BERT,
    DISTILBERT,
    ROBERTA,
    { ...ROBERTA, model_type: "xlm-roberta" },
    LLAMA,
    QWEN2,
    QWEN3,
    GEMMA,
    GPT2,
  ].map((config) => readModel(config).family);
  assert.deepEqual(families, [
    "bert",
    "distilbert",
    "roberta",
    "roberta",
    "llama",
    "qwen2",
    "qwen3",
    "gemma",
    "gpt2",
  ]);
});

Deno.test("readModel() goes by architectures when model_type is absent", () => {
  const cases = [
    [BERT, "BertModel", "bert"],
    [BERT, "BertLMHeadModel", "bert"],
    [DISTILBERT, "DistilBertForMaskedLM", "distilbert"],
    [ROBERTA, "XLMRobertaForMaskedLM", "roberta"],
    [LLAMA, "LlamaForCausalLM", "llama"],
    [QWEN2, "Qwen2ForCausalLM", "qwen2"],
    [QWEN3, "Qwen3ForSequenceClassification", "qwen3"],
    [GPT2, "GPT2LMHeadModel", "gpt2"],
    [GPT2, "GPT2Model", "gpt2"],
  ] as const;
  for (const [config, architecture, family] of cases) {
    const settings = { ...without(config, "model_type"), architectures: [architecture] };
    assert.equal(readModel(settings).family, family);
  }
});

Deno.test("readModel() names the model types it supports when it meets another", () => {
  const types = "bert, distilbert, roberta, xlm-roberta, llama, qwen2, qwen3, gemma, gpt2";
  assert.throws(() => readModel({ model_type: "opt" }), {
    name: "UnsupportedModelError",
    message: `Cannot use this model: expected a model of type ${types}, got "model_type" "opt"`,
  });
  assert.throws(() => readModel({ architectures: ["OPTForCausalLM"] }), {
    name: "UnsupportedModelError",
    message:
      `Cannot use this model: expected a model of type ${types}, got "architectures" ["OPTForCausalLM"]`,
  });
  assert.throws(() => readModel({}), {
    name: "UnsupportedModelError",
    message:
      `Cannot use this model: config.json has neither "model_type" nor "architectures"; expected a model of type ${types}`,
  });
});

Deno.test("readModel() refuses what is not an object", () => {
  for (const config of [null, [], "bert", 7]) {
    assert.throws(() => readModel(config), {
      name: "ModelConfigError",
      message: `Cannot read config.json: expected an object, got ${JSON.stringify(config)}`,
    });
  }
});

Deno.test("readModel() names a required setting that is missing", () => {
  for (const config of [BERT, DISTILBERT, ROBERTA, LLAMA, QWEN2, QWEN3, GEMMA, GPT2]) {
    for (const key of Object.keys(config).filter((name) => name !== "model_type")) {
      for (const broken of [without(config, key), { ...config, [key]: null }]) {
        assert.throws(() => readModel(broken), (error) => {
          assert.ok(error instanceof ModelConfigError && error instanceof UserError);
          assert.match(error.message, new RegExp(`"${key}"`));
          return true;
        });
      }
    }
  }
  assert.throws(() => readModel(without(BERT, "hidden_size")), {
    message:
      'Cannot read config.json: it has no "hidden_size"; expected a whole number of at least 1',
  });
});

Deno.test("readModel() refuses a setting of the wrong kind or size", () => {
  const cases: [Record<string, unknown>, string][] = [
    [
      { ...BERT, vocab_size: "30" },
      'expected "vocab_size" to be a whole number of at least 1, got "30"',
    ],
    [
      { ...BERT, num_hidden_layers: 0 },
      'expected "num_hidden_layers" to be a whole number of at least 1, got 0',
    ],
    [
      { ...BERT, num_hidden_layers: 1e9 },
      'expected "num_hidden_layers" to be a whole number from 1 to 1000, got 1000000000',
    ],
    [
      { ...BERT, layer_norm_eps: -1 },
      'expected "layer_norm_eps" to be a finite number above 0, got -1',
    ],
    [
      { ...BERT, num_attention_heads: 3 },
      'expected "hidden_size" to be a multiple of "num_attention_heads" (3), got 8',
    ],
    [{ ...DISTILBERT, n_heads: 3 }, 'expected "dim" to be a multiple of "n_heads" (3), got 8'],
    [
      { ...LLAMA, num_attention_heads: 4, num_key_value_heads: 3 },
      'expected "num_attention_heads" to be a multiple of "num_key_value_heads" (3), got 4',
    ],
    [{ ...LLAMA, attention_bias: 1 }, 'expected "attention_bias" to be true or false, got 1'],
    [
      { ...LLAMA, head_dim: 5 },
      "expected an even head size for rotary positions, got 5",
    ],
    [
      { ...LLAMA, rope_scaling: { type: "linear" } },
      'it has no "factor"; expected a finite number above 0',
    ],
    [
      { ...LLAMA, rope_scaling: { ...LLAMA3_SCALING, high_freq_factor: 1 } },
      'expected "high_freq_factor" to be a finite number above 1, got 1',
    ],
    [
      { ...LLAMA, rope_parameters: { ...LLAMA3_SCALING, original_max_position_embeddings: null } },
      'it has no "original_max_position_embeddings"; expected a whole number of at least 1',
    ],
    [
      { ...ROBERTA, pad_token_id: 11 },
      'expected "max_position_embeddings" to be above "pad_token_id" + 1 (12), got 12',
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => readModel(config), {
      name: "ModelConfigError",
      message: `Cannot read config.json: ${message}`,
    });
  }
});

Deno.test("readModel() names a setting that the family does not implement", () => {
  const names =
    "one of gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, swish, tanh";
  const rope = "null or of rope_type default, linear, llama3";
  const cases: [Record<string, unknown>, string][] = [
    [{ ...BERT, hidden_act: "mish" }, `"hidden_act" in config.json to be ${names}, got "mish"`],
    [
      { ...DISTILBERT, activation: "toString" },
      `"activation" in config.json to be ${names}, got "toString"`,
    ],
    [
      { ...ROBERTA, position_embedding_type: "relative_key" },
      '"position_embedding_type" in config.json to be "absolute", got "relative_key"',
    ],
    [{ ...BERT, is_decoder: true }, '"is_decoder" in config.json to be false, got true'],
    [
      { ...LLAMA, rope_scaling: { rope_type: "yarn", factor: 4 } },
      `"rope_scaling" in config.json to be ${rope}, got {"rope_type":"yarn","factor":4}`,
    ],
    [
      { ...QWEN2, rope_scaling: { type: "dynamic", factor: 2 } },
      `"rope_scaling" in config.json to be ${rope}, got {"type":"dynamic","factor":2}`,
    ],
    [
      { ...LLAMA, rope_parameters: { rope_type: "toString" } },
      `"rope_parameters" in config.json to be ${rope}, got {"rope_type":"toString"}`,
    ],
    [
      { ...QWEN2, use_sliding_window: true, sliding_window: 4 },
      '"use_sliding_window" in config.json to be false, got true',
    ],
    [
      { ...GPT2, scale_attn_by_inverse_layer_idx: true },
      '"scale_attn_by_inverse_layer_idx" in config.json to be false, got true',
    ],
    [
      { ...GEMMA, hidden_act: "gelu", hidden_activation: "quick_gelu" },
      `"hidden_activation" in config.json to be ${names}, got "quick_gelu"`,
    ],
    [
      { ...GPT2, add_cross_attention: true },
      '"add_cross_attention" in config.json to be false, got true',
    ],
    [
      { ...QWEN3, layer_types: ["full_attention", "sliding_attention"] },
      '"layer_types" in config.json to be "full_attention" for every layer, got ["full_attention","sliding_attention"]',
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => readModel(config), (error) => {
      assert.ok(error instanceof UnsupportedModelError && error instanceof UserError);
      assert.equal(error.message, `Cannot use this model: expected ${message}`);
      return true;
    });
  }
});

Deno.test("readModel() says how many tokens a model can take", () => {
  assert.equal(readModel(BERT).maxTokens, 12);
  assert.equal(readModel(DISTILBERT).maxTokens, 12);
  assert.equal(readModel(LLAMA).maxTokens, 12);
  // Rows 0 and 1 of RoBERTa's table stand before its first position.
  assert.equal(readModel(ROBERTA).maxTokens, 10);
  assert.equal(readModel({ ...ROBERTA, pad_token_id: 0 }).maxTokens, 11);
});
