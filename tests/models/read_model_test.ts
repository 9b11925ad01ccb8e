import assert from "node:assert/strict";
import {
  ModelConfigError,
  readModel,
  storedName,
  UnsupportedModelError,
} from "../../src/models/mod.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { createProgram } from "../../src/engine/program.ts";
import { recordingContext, requestsOf } from "./support.ts";

const BERT = {
  model_type: "bert",
  vocab_size: 30,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 12,
};
const DISTILBERT = {
  model_type: "distilbert",
  vocab_size: 30,
  dim: 8,
  n_layers: 1,
  n_heads: 2,
  hidden_dim: 16,
  max_position_embeddings: 12,
};
const ROBERTA = { ...BERT, model_type: "roberta" };
const LLAMA = { ...BERT, model_type: "llama" };
const QWEN2 = { ...BERT, model_type: "qwen2" };
const QWEN3 = { ...BERT, model_type: "qwen3" };

const GEMMA = { ...BERT, model_type: "gemma" };
const GPT2 = {
  model_type: "gpt2",
  vocab_size: 30,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  n_positions: 12,
};
const LLAMA3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

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
      { ...LLAMA, rope_scaling: { ...LLAMA3, high_freq_factor: 1 } },
      'expected "high_freq_factor" to be a finite number above 1, got 1',
    ],
    [
      { ...LLAMA, rope_parameters: { ...LLAMA3, original_max_position_embeddings: null } },
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

Deno.test("positions() counts every token, in roberta the real ones from padding + 1 on", () => {
  const mask = Uint32Array.of(1, 1, 1, 0, 0);
  for (const config of [BERT, DISTILBERT, LLAMA]) {
    assert.deepEqual([...readModel(config).positions(mask)], [0, 1, 2, 3, 4]);
  }
  assert.deepEqual([...readModel(ROBERTA).positions(mask)], [2, 3, 4, 1, 1]);
  const left = Uint32Array.of(0, 0, 1, 1);
  assert.deepEqual([...readModel({ ...ROBERTA, pad_token_id: 0 }).positions(left)], [0, 0, 1, 2]);
});

Deno.test("encode() of llama and qwen has biases where the family or the config asks for them", () => {
  const biased = (config: Record<string, unknown>) =>
    requestsOf(readModel(config), 2).linears.filter(({ bias }) => bias)
      .map(({ name }) => name.split(".").at(-1));
  assert.deepEqual(biased(LLAMA), []);
  assert.deepEqual(biased({ ...LLAMA, attention_bias: true }), [
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
  ]);
  assert.deepEqual(biased({ ...LLAMA, mlp_bias: true }), ["gate_proj", "up_proj", "down_proj"]);
  assert.deepEqual(biased(QWEN2), ["q_proj", "k_proj", "v_proj"]);
  assert.deepEqual(biased(QWEN3), []);
});

Deno.test("encode() of llama honours head_dim and num_key_value_heads", () => {
  const config = {
    ...LLAMA,
    hidden_size: 10,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
  };
  const { weights, constants } = requestsOf(readModel(config), 2);
  const shapes = ["q", "k", "v", "o"].map((part) =>
    weights.get(`model.layers.0.self_attn.${part}_proj.weight`)
  );
  assert.deepEqual(shapes, [[24, 10], [12, 10], [12, 10], [10, 24]]);
  assert.deepEqual([...constants.values()].map(({ length }) => length), [3 * 6]);
});

Deno.test("encode() of llama rotates by the config's rope_theta, wherever it stands", () => {
  const angle = (config: Record<string, unknown>) => {
    const [table] = requestsOf(readModel(config), 2).constants.values();
    // Head size 4: a row is 2 cosines, 2 sines; the second pair turns by position / sqrt(theta).
    return Math.asin(table[4 + 3]);
  };
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-7, `expected ${expected}, got ${actual}`);
  near(angle(LLAMA), 0.01);
  near(angle({ ...LLAMA, rope_theta: 400 }), 0.05);
  near(angle({ ...LLAMA, rope_parameters: { rope_type: "default", rope_theta: 400 } }), 0.05);
  near(angle({ ...LLAMA, rope_theta: 400, rope_scaling: { type: "default" } }), 0.05);
});

Deno.test("encode() of llama turns a linearly scaled model slower, and llama3's by how often a pair turns", () => {
  // Head size 4: pair 0 turns by 1 a position, pair 1 by 0.01.
  const angles = (config: Record<string, unknown>) => {
    const [table] = requestsOf(readModel(config), 2).constants.values();
    return [table[4 + 2], table[4 + 3]].map(Math.asin);
  };
  const near = (actual: number[], ...expected: number[]) =>
    expected.forEach((angle, i) =>
      assert.ok(Math.abs(actual[i] - angle) < 1e-7, `expected ${expected}, got ${actual}`)
    );
  near(angles({ ...LLAMA, rope_scaling: { type: "linear", factor: 4 } }), 0.25, 0.0025);
  // In 800 π positions pair 0 turns 400 times, pair 1 4 times.
  const scaled = (low: number, high: number, key = "rope_scaling") => ({
    ...LLAMA,
    [key]: {
      ...LLAMA3,
      low_freq_factor: low,
      high_freq_factor: high,
      original_max_position_embeddings: Math.round(800 * Math.PI),
    },
  });
  near(angles(scaled(1, 3.5)), 1, 0.01);
  near(angles(scaled(4.5, 5)), 1, 0.01 / 8);
  near(angles(scaled(500, 600)), 1 / 8, 0.01 / 8);
  const kept = (Math.round(800 * Math.PI) * 0.01 / (2 * Math.PI) - 2) / (10 - 2);
  near(angles(scaled(2, 10, "rope_parameters")), 1, 0.01 * (kept + (1 - kept) / 8));
});

Deno.test("readModel() of qwen2 and qwen3 takes configs as Hugging Face writes them", () => {
  const window = { use_sliding_window: false, sliding_window: 131072, max_window_layers: 28 };
  const layers = { layer_types: ["full_attention"] };
  for (const config of [QWEN2, QWEN3]) {
    assert.equal(readModel({ ...config, ...window, ...layers }).maxTokens, 12);
    assert.deepEqual(readModel({ ...config, tie_word_embeddings: true }).tied, {
      "model.embed_tokens.weight": "lm_head.weight",
    });
  }
  const shapeOf = (config: Record<string, unknown>) => {
    const { weights } = requestsOf(readModel(config), 2);
    return weights.get("model.layers.0.self_attn.q_proj.weight");
  };
  assert.deepEqual(shapeOf(QWEN2), [8, 8]);
  // Qwen3Config's own head_dim, whatever the width.
  assert.deepEqual(shapeOf(QWEN3), [2 * 128, 8]);
  assert.deepEqual(shapeOf({ ...QWEN3, head_dim: 6 }), [2 * 6, 8]);
});

Deno.test("readModel() of gemma takes heads of 256 unless told otherwise, and the activation that Hugging Face takes", () => {
  const shapeOf = (config: Record<string, unknown>) =>
    requestsOf(readModel(config), 2).weights.get("model.layers.0.self_attn.q_proj.weight");
  assert.deepEqual(shapeOf(GEMMA), [2 * 256, 8]);
  assert.deepEqual(shapeOf({ ...GEMMA, head_dim: 6 }), [2 * 6, 8]);
  const activationOf = (config: Record<string, unknown>) => {
    const program = createProgram("activation");
    readModel(config).encode(recordingContext(program, 1, 1).context);
    return program.nodes.find(({ op }) => op === "gate")?.attributes.kind;
  };
  assert.equal(activationOf({ ...GEMMA, hidden_act: "gelu" }), "gelu_tanh");
  assert.equal(activationOf({ ...GEMMA, hidden_activation: "gelu" }), "gelu");
});

Deno.test("readModel() of gpt2 takes a feed-forward part of four times the width unless told otherwise", () => {
  const shapeOf = (config: Record<string, unknown>) =>
    requestsOf(readModel(config), 2).weights.get("transformer.h.0.mlp.c_fc.weight");
  assert.deepEqual(shapeOf(GPT2), [32, 8]);
  assert.deepEqual(shapeOf({ ...GPT2, n_inner: null }), [32, 8]);
  assert.deepEqual(shapeOf({ ...GPT2, n_inner: 5 }), [5, 8]);
});

Deno.test("readModel() ties the embeddings to the language model's output layer, llama on demand", () => {
  const tied = [BERT, DISTILBERT, ROBERTA, GPT2, GEMMA, LLAMA, {
    ...LLAMA,
    tie_word_embeddings: true,
  }]
    .map((config) => readModel(config).tied);
  assert.deepEqual(tied, [
    { "bert.embeddings.word_embeddings.weight": "cls.predictions.decoder.weight" },
    { "distilbert.embeddings.word_embeddings.weight": "vocab_projector.weight" },
    { "roberta.embeddings.word_embeddings.weight": "lm_head.decoder.weight" },
    { "transformer.wte.weight": "lm_head.weight" },
    { "model.embed_tokens.weight": "lm_head.weight" },
    {},
    { "model.embed_tokens.weight": "lm_head.weight" },
  ]);
  assert.deepEqual(readModel({ ...BERT, tie_word_embeddings: false }).tied, {});
});

Deno.test("storedName() takes the tied name only where the checkpoint holds it alone", () => {
  const model = { tied: { embeddings: "output" } };
  const name = (wanted: string, ...stored: string[]) =>
    storedName(model, wanted, (other) => stored.includes(other));
  assert.equal(name("embeddings", "embeddings", "output"), "embeddings");
  assert.equal(name("embeddings", "output"), "output");
  assert.equal(name("embeddings"), "embeddings");
  assert.equal(name("norm", "output"), "norm");
});
