/**
 * The decoder that Llama (Touvron et al. 2023) and its descendants share: pre-norm layers of rotary attention and a gated feed-forward part.
 *
 * @module
 */

import { add } from "../engine/ops/add.ts";
import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { gate } from "../engine/ops/gate.ts";
import { rope, ropeTable } from "../engine/ops/rope.ts";
import { scale } from "../engine/ops/scale.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { attention } from "./attention.ts";
import { decoderHeads } from "./decoder_heads.ts";
import type { Model, ModelContext } from "./family.ts";
import {
  embeddingLayer,
  linearLayer,
  modulesOfLayers,
  rmsNormLayer,
  type RmsNormSettings,
  stackLayers,
} from "./layers.ts";
import { tokenPositions } from "./positions.ts";

/** Settings of the decoder: sizes, and what its families do differently. */
export interface LlamaDecoder {
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
  readonly norm: RmsNormSettings;
  /** Factor of the token embeddings, 1 in most families. */
  readonly embeddingScale: number;
  /** Angles that the pairs of a head turn by at each position, [D/2]. */
  readonly frequencies: Float64Array;
  readonly maxTokens: number;
  /** Which linear layers have a bias: query, key and value; the attention's output; the feed-forward part. */
  readonly biases: {
    readonly projections: boolean;
    readonly output: boolean;
    readonly feedForward: boolean;
  };
  /** Whether each head's query and key are normalised before they are rotated. */
  readonly headNorms: boolean;
  /** Standard deviation that a head's weights are drawn at. */
  readonly deviation: number;
  /** {@linkcode Model.tied} */
  readonly tied: Model["tied"];
}

/** The model of a family: `family` is its name, `classes` what Hugging Face's classes of it start with ("Llama"). */
export function llamaModel(family: string, classes: string, decoder: LlamaDecoder): Model {
  const { width, vocabulary, tied } = decoder;
  return {
    family,
    width,
    vocabulary,
    maxTokens: decoder.maxTokens,
    modules: modulesOfLayers(decoder.layers, (i) => layerModules(decoder, i)),
    defaultTargets: /\.self_attn\.[qkvo]_proj$/,
    prefixes: ["model."],
    tied,
    positions: tokenPositions,
    encode: (context) => encode(decoder, context),
    ...decoderHeads(`${classes}ForCausalLM`, decoder),
  };
}

function encode(decoder: LlamaDecoder, context: ModelContext): Tensor {
  const { vocabulary, width, layers, norm, embeddingScale } = decoder;
  const { program, inputs } = context;
  const table = rotationTable(decoder, context);
  const words = embeddingLayer(context, "model.embed_tokens", vocabulary, width, inputs.ids);
  const embedded = embeddingScale === 1 ? words : scale(program, words, embeddingScale);
  const states = stackLayers(
    context,
    layers,
    embedded,
    (i, x) => layer(decoder, i, context, x, table),
  );
  return rmsNormLayer(context, "model.norm", states, norm);
}

/** [T, D], or [capacity, D] of a cache: the positions of a row lie below it. Named by that, because programs of other lengths share constants by name. */
function rotationTable({ headSize, frequencies }: LlamaDecoder, context: ModelContext): Tensor {
  const tokens = context.cache?.capacity ?? context.inputs.positions.shape[1];
  const table = ropeTable(tokens, frequencies);
  return context.constant(`rotations of ${tokens} positions`, [tokens, headSize], table);
}

function layer(
  decoder: LlamaDecoder,
  index: number,
  context: ModelContext,
  x: Tensor,
  table: Tensor,
): Tensor {
  const { program } = context;
  const { norm, activation, biases } = decoder;
  const modules = layerModules(decoder, index);
  const normalise = (part: string, input: Tensor) =>
    rmsNormLayer(context, `${layerName(index)}.${part}`, input, norm);

  const attended = selfAttention(decoder, index, context, normalise("input_layernorm", x), table);
  const y = add(program, linearLayer(context, modules.output, attended, biases.output), x);

  const read = normalise("post_attention_layernorm", y);
  const gated = gate(
    program,
    activation,
    linearLayer(context, modules.gate, read, biases.feedForward),
    linearLayer(context, modules.up, read, biases.feedForward),
  );
  return add(program, linearLayer(context, modules.down, gated, biases.feedForward), y);
}

/** Attention up to its output layer, [B,T,H·D]. */
function selfAttention(
  decoder: LlamaDecoder,
  index: number,
  context: ModelContext,
  x: Tensor,
  table: Tensor,
): Tensor {
  const { heads, keyHeads, headSize, biases, headNorms, norm } = decoder;
  const { query, key, value } = layerModules(decoder, index);
  const project = (module: ModuleShape) => linearLayer(context, module, x, biases.projections);
  const normalise = (part: string, projected: Tensor) => {
    if (!headNorms) return projected;
    const name = `${layerName(index)}.self_attn.${part}`;
    return rmsNormLayer(context, name, projected, norm, headSize);
  };
  const rotate = (projected: Tensor, count: number) =>
    rope(context.program, projected, context.inputs.positions, table, count);
  const q = project(query), k = project(key), v = project(value);
  return attention(
    context,
    rotate(normalise("q_norm", q), heads),
    rotate(normalise("k_norm", k), keyHeads),
    v,
    { heads, keyHeads, headSize, causal: true },
  );
}

function layerModules({ width, heads, keyHeads, headSize, feedForward }: LlamaDecoder, i: number) {
  const module = (part: string, inFeatures: number, outFeatures: number): ModuleShape => ({
    name: `${layerName(i)}.${part}`,
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
