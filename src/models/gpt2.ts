/** GPT-2 (Radford et al. 2019), with Hugging Face's GPT2ForSequenceClassification and GPT2LMHeadModel heads. @module */

import { activation } from "../engine/ops/activation.ts";
import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { add } from "../engine/ops/add.ts";
import { splitThirds } from "../engine/ops/thirds.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { readActivation } from "./activations.ts";
import { attention } from "./attention.ts";
import {
  type ModelConfig,
  readLayers,
  readPositive,
  readSize,
  requireDivisor,
  requireValue,
} from "./config.ts";
import { decoderHeads } from "./decoder_heads.ts";
import type { Family, ModelContext } from "./family.ts";
import {
  embeddingLayer,
  layerNormLayer,
  linearLayer,
  modulesOfLayers,
  stackLayers,
} from "./layers.ts";
import { tokenPositions } from "./positions.ts";
import { readTied } from "./tied.ts";

interface Gpt2 {
  readonly vocabulary: number;
  /** Width C. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Feed-forward width F. */
  readonly feedForward: number;
  readonly activation: ActivationKind;
  /** Rows of the table of positions. */
  readonly positions: number;
  /** ε of the layer norms. */
  readonly epsilon: number;
}

/** model_type "gpt2". Query, key and value are one linear layer, c_attn, and one adapter: so PEFT has it. */
export const gpt2: Family = {
  name: "gpt2",
  modelTypes: ["gpt2"],
  read(config) {
    const settings = readSettings(config);
    const { width, vocabulary } = settings;
    const deviation = readPositive(config, "initializer_range", 0.02);
    const tied = readTied(config, "transformer.wte", "lm_head", true);
    return {
      family: "gpt2",
      width,
      vocabulary,
      maxTokens: settings.positions,
      modules: modulesOfLayers(settings.layers, (i) => layerModules(settings, i)),
      defaultTargets: /\.attn\.c_(attn|proj)$/,
      prefixes: ["transformer."],
      tied,
      positions: tokenPositions,
      encode(context) {
        const states = stackLayers(
          context,
          settings.layers,
          embeddings(settings, context),
          (i, x) => layer(settings, i, context, x),
        );
        return layerNormLayer(context, "transformer.ln_f", states, settings.epsilon);
      },
      ...decoderHeads("GPT2LMHeadModel", { width, vocabulary, deviation, tied }),
    };
  },
};

function readSettings(config: ModelConfig): Gpt2 {
  requireValue(config, "scale_attn_weights", true);
  requireValue(config, "scale_attn_by_inverse_layer_idx", false);
  requireValue(config, "add_cross_attention", false);
  const width = readSize(config, "n_embd");
  const heads = readSize(config, "n_head");
  requireDivisor("n_embd", width, "n_head", heads);
  return {
    width,
    heads,
    vocabulary: readSize(config, "vocab_size"),
    layers: readLayers(config, "n_layer"),
    feedForward: readSize(config, "n_inner", 4 * width),
    activation: readActivation(config, "activation_function", "gelu_new"),
    positions: readSize(config, "n_positions"),
    epsilon: readPositive(config, "layer_norm_epsilon", 1e-5),
  };
}

function embeddings({ vocabulary, positions, width }: Gpt2, context: ModelContext): Tensor {
  const { program, inputs } = context;
  const words = embeddingLayer(context, "transformer.wte", vocabulary, width, inputs.ids);
  const places = embeddingLayer(context, "transformer.wpe", positions, width, inputs.positions);
  return context.dropout(add(program, words, places));
}

function layer(settings: Gpt2, index: number, context: ModelContext, x: Tensor): Tensor {
  const { program } = context;
  const { width, heads, epsilon } = settings;
  const modules = layerModules(settings, index);
  const linear = (module: ModuleShape, input: Tensor) => linearLayer(context, module, input, true);
  const normalise = (part: string, input: Tensor) =>
    layerNormLayer(context, `${layerName(index)}.${part}`, input, epsilon);

  const fused = linear(modules.projections, normalise("ln_1", x));
  const [q, k, v] = splitThirds(program, fused);
  const shape = { heads, keyHeads: heads, headSize: width / heads, causal: true };
  const attended = attention(context, q, k, v, shape);
  const y = add(program, context.dropout(linear(modules.attentionOutput, attended)), x);

  const read = linear(modules.intermediate, normalise("ln_2", y));
  const inner = activation(program, settings.activation, read);
  return add(program, context.dropout(linear(modules.output, inner)), y);
}

function layerModules({ width, feedForward }: Gpt2, index: number) {
  const module = (part: string, inFeatures: number, outFeatures: number): ModuleShape => ({
    name: `${layerName(index)}.${part}`,
    inFeatures,
    outFeatures,
  });
  // In forward order, which is the order of Model.modules.
  return {
    projections: module("attn.c_attn", width, 3 * width),
    attentionOutput: module("attn.c_proj", width, width),
    intermediate: module("mlp.c_fc", width, feedForward),
    output: module("mlp.c_proj", feedForward, width),
  };
}

function layerName(index: number): string {
  return `transformer.h.${index}`;
}
