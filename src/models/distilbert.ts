/** DistilBERT (Sanh et al. 2019), with Hugging Face's DistilBertForSequenceClassification head. @module */

import { activation } from "../engine/ops/activation.ts";
import type { ActivationKind } from "../engine/ops/activation_functions.ts";
import { add } from "../engine/ops/add.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { readActivation } from "./activations.ts";
import { attention } from "./attention.ts";
import { type ModelConfig, readLayers, readPositive, readSize, requireDivisor } from "./config.ts";
import type { Family, ModelContext } from "./family.ts";
import {
  embeddingLayer,
  layerNormLayer,
  linearHead,
  linearLayer,
  modulesOfLayers,
  stackLayers,
} from "./layers.ts";
import { tokenPositions } from "./positions.ts";
import { readTied } from "./tied.ts";

interface DistilBert {
  readonly vocabulary: number;
  /** Width C. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Feed-forward width F. */
  readonly feedForward: number;
  readonly activation: ActivationKind;
  /** Rows of the table of positions; sinusoidal ones are stored in it like learned ones. */
  readonly positions: number;
}

/** Hugging Face's DistilBERT has no setting for it. */
const EPSILON = 1e-12;

/** model_type "distilbert". */
export const distilbert: Family = {
  name: "distilbert",
  modelTypes: ["distilbert"],
  read(config) {
    const settings = readSettings(config);
    const { width } = settings;
    const deviation = readPositive(config, "initializer_range", 0.02);
    const hidden = { name: "pre_classifier", inFeatures: width, outFeatures: width };
    const classifier = (labels: number): ModuleShape => ({
      name: "classifier",
      inFeatures: width,
      outFeatures: labels,
    });
    return {
      family: "distilbert",
      width,
      vocabulary: settings.vocabulary,
      maxTokens: settings.positions,
      modules: modulesOfLayers(settings.layers, (i) => layerModules(settings, i)),
      defaultTargets: /\.attention\.(q|k|v|out)_lin$/,
      prefixes: ["distilbert."],
      tied: readTied(config, "distilbert.embeddings.word_embeddings", "vocab_projector", true),
      head: (labels) => [
        ...linearHead(hidden, deviation),
        ...linearHead(classifier(labels), deviation),
      ],
      positions: tokenPositions,
      encode: (context) =>
        stackLayers(
          context,
          settings.layers,
          embeddings(settings, context),
          (i, x) => layer(settings, i, context, x),
        ),
      classify(context, pooled, labels) {
        const linear = linearLayer(context, hidden, pooled, true);
        const features = context.dropout(activation(context.program, "relu", linear));
        return linearLayer(context, classifier(labels), features, true);
      },
    };
  },
};

function readSettings(config: ModelConfig): DistilBert {
  const width = readSize(config, "dim");
  const heads = readSize(config, "n_heads");
  requireDivisor("dim", width, "n_heads", heads);
  return {
    width,
    heads,
    vocabulary: readSize(config, "vocab_size"),
    layers: readLayers(config, "n_layers"),
    feedForward: readSize(config, "hidden_dim"),
    activation: readActivation(config, "activation", "gelu"),
    positions: readSize(config, "max_position_embeddings"),
  };
}

function embeddings({ vocabulary, positions, width }: DistilBert, context: ModelContext): Tensor {
  const { program, inputs } = context;
  const name = "distilbert.embeddings";
  const words = embeddingLayer(context, `${name}.word_embeddings`, vocabulary, width, inputs.ids);
  const places = embeddingLayer(
    context,
    `${name}.position_embeddings`,
    positions,
    width,
    inputs.positions,
  );
  const sum = add(program, words, places);
  return context.dropout(layerNormLayer(context, `${name}.LayerNorm`, sum, EPSILON));
}

/** Unlike BERT's, without dropout on the attention's output. */
function layer(settings: DistilBert, index: number, context: ModelContext, x: Tensor): Tensor {
  const { program } = context;
  const { width, heads } = settings;
  const modules = layerModules(settings, index);
  const linear = (module: ModuleShape, input: Tensor) => linearLayer(context, module, input, true);
  const normalise = (part: string, sum: Tensor) =>
    layerNormLayer(context, `${layerName(index)}.${part}`, sum, EPSILON);

  const attended = attention(
    context,
    linear(modules.query, x),
    linear(modules.key, x),
    linear(modules.value, x),
    { heads, keyHeads: heads, headSize: width / heads, causal: false },
  );
  const y = normalise("sa_layer_norm", add(program, linear(modules.attentionOutput, attended), x));
  const inner = activation(program, settings.activation, linear(modules.inner, y));
  const outer = context.dropout(linear(modules.outer, inner));
  return normalise("output_layer_norm", add(program, outer, y));
}

function layerModules({ width, feedForward }: DistilBert, index: number) {
  const module = (part: string, inFeatures: number, outFeatures: number): ModuleShape => ({
    name: `${layerName(index)}.${part}`,
    inFeatures,
    outFeatures,
  });
  // In forward order, which is the order of Model.modules.
  return {
    query: module("attention.q_lin", width, width),
    key: module("attention.k_lin", width, width),
    value: module("attention.v_lin", width, width),
    attentionOutput: module("attention.out_lin", width, width),
    inner: module("ffn.lin1", width, feedForward),
    outer: module("ffn.lin2", feedForward, width),
  };
}

function layerName(index: number): string {
  return `distilbert.transformer.layer.${index}`;
}
