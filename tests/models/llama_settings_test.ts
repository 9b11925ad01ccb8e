import assert from "node:assert/strict";
import { createProgram } from "../../src/engine/program.ts";
import { readModel } from "../../src/models/mod.ts";
import { GEMMA, LLAMA, QWEN2, QWEN3 } from "./small_configs.ts";
import { recordingContext, requestsOf } from "./support.ts";

/** The shape of the first layer's query weight. */
function queryShape(config: Record<string, unknown>): readonly number[] | undefined {
  return requestsOf(readModel(config), 2).weights.get("model.layers.0.self_attn.q_proj.weight");
}

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

Deno.test("readModel() of qwen2 and qwen3 takes configs as Hugging Face writes them", () => {
  const window = { use_sliding_window: false, sliding_window: 131072, max_window_layers: 28 };
  const layers = { layer_types: ["full_attention"] };
  for (const config of [QWEN2, QWEN3]) {
    assert.equal(readModel({ ...config, ...window, ...layers }).maxTokens, 12);
    assert.deepEqual(readModel({ ...config, tie_word_embeddings: true }).tied, {
      "model.embed_tokens.weight": "lm_head.weight",
    });
  }
  assert.deepEqual(queryShape(QWEN2), [8, 8]);
  // Qwen3Config's own head_dim, whatever the width.
  assert.deepEqual(queryShape(QWEN3), [2 * 128, 8]);
  assert.deepEqual(queryShape({ ...QWEN3, head_dim: 6 }), [2 * 6, 8]);
});

Deno.test("readModel() of gemma takes heads of 256 unless told otherwise, and the activation that Hugging Face takes", () => {
  assert.deepEqual(queryShape(GEMMA), [2 * 256, 8]);
  assert.deepEqual(queryShape({ ...GEMMA, head_dim: 6 }), [2 * 6, 8]);
  const activationOf = (config: Record<string, unknown>) => {
    const program = createProgram("activation");
    readModel(config).encode(recordingContext(program, 1, 1).context);
    return program.nodes.find(({ op }) => op === "gate")?.attributes.kind;
  };
  assert.equal(activationOf({ ...GEMMA, hidden_act: "gelu" }), "gelu_tanh");
  assert.equal(activationOf({ ...GEMMA, hidden_activation: "gelu" }), "gelu");
});
