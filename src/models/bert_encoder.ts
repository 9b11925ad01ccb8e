/** The encoder that BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019) share: embeddings and post-norm transformer layers. @module */

import { activation } from "../engine/ops/activation.ts";
import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { add } from "../engine/ops/add.ts";
import { bufferTensor, type Tensor } from "../engine/program.ts";
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
import type { ModelContext } from "./family.ts";
import {
  embeddingLayer,
  layerNormLayer,
  linearLayer,
  modulesOfLayers,
  stackLayers,
} from "./layers.ts";

/** Settings of the encoder. */
export interface BertEncoder {
  /** Name of the encoder in the full model: "bert", "roberta". */
  readonly name: string;
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
  /** Rows of the table of token types. */
  readonly tokenTypes: number;
  /** ε of the layer norms. */
  readonly epsilon: number;
}

/** Matches the attention projections. */
export const BERT_ATTENTION = /\.attention\.(self\.(query|key|value)|output\.dense)$/;

/** Reads the encoder's settings; optional ones default as in Hugging Face's BertConfig and RobertaConfig. */
export function readBertEncoder(config: ModelConfig, name: string): BertEncoder {
  requireValue(config, "position_embedding_type", "absolute");
  requireValue(config, "is_decoder", false);
  requireValue(config, "add_cross_attention", false);
  const width = readSize(config, "hidden_size");
  const heads = readSize(config, "num_attention_heads");
  requireDivisor("hidden_size", width, "num_attention_heads", heads);
  return {
    name,
    width,
    heads,
    vocabulary: readSize(config, "vocab_size"),
    layers: readLayers(config, "num_hidden_layers"),
    feedForward: readSize(config, "intermediate_size"),
    activation: readActivation(config, "hidden_act", "gelu"),
    positions: readSize(config, "max_position_embeddings"),
    tokenTypes: readSize(config, "type_vocab_size", 2),
    epsilon: readPositive(config, "layer_norm_eps", 1e-12),
  };
}

/** The linear modules of the layers, in forward order. */
export function bertModules(encoder: BertEncoder): ModuleShape[] {
  return modulesOfLayers(encoder.layers, (i) => layerModules(encoder, i));
}

/** Hidden states [B,T,C] of the last layer. */
export function bertEncode(encoder: BertEncoder, context: ModelContext): Tensor {
  return stackLayers(
    context,
    encoder.layers,
    embeddings(encoder, context),
    (i, x) => layer(encoder, i, context, x),
  );
}

function embeddings(encoder: BertEncoder, context: ModelContext): Tensor {
  const { program, inputs } = context;
  const { vocabulary, tokenTypes, positions, width, epsilon } = encoder;
  const name = `${encoder.name}.embeddings`;
  const table = (kind: string, entries: number, ids: Tensor) =>
    embeddingLayer(context, `${name}.${kind}_embeddings`, entries, width, ids);
  // A sample is one text, all of type 0: this buffer is never written, and buffers start zeroed.
  const types = bufferTensor(program, "input", "token types", inputs.ids.shape, "u32");
  const words = table("word", vocabulary, inputs.ids);
  const typed = add(program, words, table("token_type", tokenTypes, types));
  const placed = add(program, typed, table("position", positions, inputs.positions));
  return context.dropout(layerNormLayer(context, `${name}.LayerNorm`, placed, epsilon));
}

function layer(encoder: BertEncoder, index: number, context: ModelContext, x: Tensor): Tensor {
  const { program } = context;
  const { width, heads, epsilon } = encoder;
  const modules = layerModules(encoder, index);
  const linear = (module: ModuleShape, input: Tensor) => linearLayer(context, module, input, true);
  const normalise = (part: string, sum: Tensor) =>
    layerNormLayer(context, `${layerName(encoder, index)}.${part}.LayerNorm`, sum, epsilon);

  const attended = attention(
    context,
    linear(modules.query, x),
    linear(modules.key, x),
    linear(modules.value, x),
    { heads, keyHeads: heads, headSize: width / heads, causal: false },
  );
  const mixed = context.dropout(linear(modules.attentionOutput, attended));
  const y = normalise("attention.output", add(program, mixed, x));
  const inner = activation(program, encoder.activation, linear(modules.intermediate, y));
  const outer = context.dropout(linear(modules.output, inner));
  return normalise("output", add(program, outer, y));
}

function layerModules({ name, width, feedForward }: BertEncoder, index: number) {
  const module = (part: string, inFeatures: number, outFeatures: number): ModuleShape => ({
    name: `${layerName({ name }, index)}.${part}`,
    inFeatures,
    outFeatures,
  });
  // In forward order, which is the order of bertModules.
  return {
    query: module("attention.self.query", width, width),
    key: module("attention.self.key", width, width),
    value: module("attention.self.value", width, width),
    attentionOutput: module("attention.output.dense", width, width),
    intermediate: module("intermediate.dense", width, feedForward),
    output: module("output.dense", feedForward, width),
  };
}

function layerName({ name }: Pick<BertEncoder, "name">, index: number): string {
  return `${name}.encoder.layer.${index}`;
}
