/** Llama (Touvron et al. 2023) as an encoder of text, with Hugging Face's LlamaForSequenceClassification head. @module */

import { add } from "../engine/ops/add.ts";
import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { gate } from "../engine/ops/gate.ts";
import { linear } from "../engine/ops/matmul.ts";
import { rope, ropeTable } from "../engine/ops/rope.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { readActivation } from "./activations.ts";
import { attention } from "./attention.ts";
import {
  type ModelConfig,
  readFlag,
  readLayers,
  readPositive,
  readSize,
  requireDivisor,
} from "./config.ts";
import { ModelConfigError } from "./errors.ts";
import type { Family, ModelContext } from "./family.ts";
import { embeddingLayer, linearLayer, rmsNormLayer } from "./layers.ts";
import { tokenPositions } from "./positions.ts";
import { readRopeTheta } from "./rope_settings.ts";
import { outputTable, readTied } from "./tied.ts";

interface Llama {
  readonly vocabulary: number;
  /** Width C. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyHeads: number;
  /** Head size D; H·D may differ from C. */
  readonly headSize: number;
  /** Feed-forward width F. */
  readonly feedForward: number;
  readonly activation: ActivationKind;
  /** ε of the norms. */
  readonly epsilon: number;
  /** Base of the rotary angles. */
  readonly theta: number;
  readonly attentionBias: boolean;
  readonly feedForwardBias: boolean;
  readonly maxTokens: number;
}

/** model_type "llama". Checkpoints of LlamaForCausalLM serve as bases too; their language-model head is left out. */
export const llama: Family = {
  name: "llama",
  modelTypes: ["llama"],
  read(config) {
    const settings = readSettings(config);
    const { width } = settings;
    const deviation = readPositive(config, "initializer_range", 0.02);
    const tied = readTied(config, "model.embed_tokens", "lm_head", false);
    return {
      family: "llama",
      width,
      vocabulary: settings.vocabulary,
      maxTokens: settings.maxTokens,
      modules: Array.from(
        { length: settings.layers },
        (_, i) => Object.values(layerModules(settings, i)),
      ).flat(),
      defaultTargets: /\.self_attn\.[qkvo]_proj$/,
      prefixes: ["model."],
      tied,
      head: (labels) => [{ name: "score.weight", shape: [labels, width], deviation }],
      positions: tokenPositions,
      encode(context) {
        const table = rotationTable(settings, context);
        let x = embeddingLayer(
          context,
          "model.embed_tokens",
          settings.vocabulary,
          width,
          context.inputs.ids,
        );
        for (let i = 0; i < settings.layers; i++) x = layer(settings, i, context, x, table);
        return rmsNormLayer(context, "model.norm", x, settings.epsilon);
      },
      classify: (context, pooled, labels) => context.linear("score", pooled, labels, false),
      languageModel: {
        objective: "next",
        architecture: "LlamaForCausalLM",
        logits: (context, states) => {
          const table = context.weight(outputTable(tied, "lm_head"), [settings.vocabulary, width]);
          return linear(context.program, states, table);
        },
      },
    };
  },
};

function readSettings(config: ModelConfig): Llama {
  const width = readSize(config, "hidden_size");
  const heads = readSize(config, "num_attention_heads");
  const keyHeads = readSize(config, "num_key_value_heads", heads);
  requireDivisor("num_attention_heads", heads, "num_key_value_heads", keyHeads);
  if (config.head_dim === undefined || config.head_dim === null) {
    requireDivisor("hidden_size", width, "num_attention_heads", heads);
  }
  const headSize = readSize(config, "head_dim", width / heads);
  if (headSize % 2 !== 0) {
    throw new ModelConfigError(
      `Cannot read config.json: expected an even head size for rotary positions, got ${headSize}`,
    );
  }
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
    theta: readRopeTheta(config),
    attentionBias: readFlag(config, "attention_bias", false),
    feedForwardBias: readFlag(config, "mlp_bias", false),
    maxTokens: readSize(config, "max_position_embeddings"),
  };
}

/** [T, D]: the positions of a row lie below T. Named by T, because programs of other lengths share constants by name. */
function rotationTable({ headSize, theta }: Llama, context: ModelContext): Tensor {
  const tokens = context.inputs.positions.shape[1];
  const table = ropeTable(tokens, headSize, theta);
  return context.constant(`rotations of ${tokens} positions`, [tokens, headSize], table);
}

function layer(
  settings: Llama,
  index: number,
  context: ModelContext,
  x: Tensor,
  table: Tensor,
): Tensor {
  const { program, inputs } = context;
  const { heads, keyHeads, headSize, epsilon, attentionBias, feedForwardBias } = settings;
  const modules = layerModules(settings, index);
  const rotate = (projected: Tensor, count: number) =>
    rope(program, projected, inputs.positions, table, count);
  const normalise = (part: string, input: Tensor) =>
    rmsNormLayer(context, `${layerName(index)}.${part}`, input, epsilon);

  const seen = normalise("input_layernorm", x);
  const q = linearLayer(context, modules.query, seen, attentionBias);
  const k = linearLayer(context, modules.key, seen, attentionBias);
  const v = linearLayer(context, modules.value, seen, attentionBias);
  const attended = attention(context, rotate(q, heads), rotate(k, keyHeads), v, {
    heads,
    keyHeads,
    headSize,
    causal: true,
  });
  const y = add(program, linearLayer(context, modules.output, attended, attentionBias), x);

  const read = normalise("post_attention_layernorm", y);
  const gated = gate(
    program,
    settings.activation,
    linearLayer(context, modules.gate, read, feedForwardBias),
    linearLayer(context, modules.up, read, feedForwardBias),
  );
  return add(program, linearLayer(context, modules.down, gated, feedForwardBias), y);
}

function layerModules({ width, heads, keyHeads, headSize, feedForward }: Llama, index: number) {
  const module = (part: string, inFeatures: number, outFeatures: number): ModuleShape => ({
    name: `${layerName(index)}.${part}`,
    inFeatures,
    outFeatures,
  });
  // In forward order, which is the order of Model.modules.
  return {
    query: module("self_attn.q_proj", width, heads * headSize),
    key: module("self_attn.k_proj", width, keyHeads * headSize),
    value: module("self_attn.v_proj", width, keyHeads * headSize),
    output: module("self_attn.o_proj", heads * headSize, width),
    gate: module("mlp.gate_proj", width, feedForward),
    up: module("mlp.up_proj", width, feedForward),
    down: module("mlp.down_proj", feedForward, width),
  };
}

function layerName(index: number): string {
  return `model.layers.${index}`;
}
