/** BERT (Devlin et al. 2019) and what shares its layout, such as MiniLM, with Hugging Face's BertForSequenceClassification head. @module */

import { activation } from "../engine/ops/activation.ts";
import { linear } from "../engine/ops/matmul.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import {
  BERT_ATTENTION,
  bertEncode,
  type BertEncoder,
  bertModules,
  readBertEncoder,
} from "./bert_encoder.ts";
import { readPositive } from "./config.ts";
import type { Family, Model, ModelContext } from "./family.ts";
import { layerNormLayer, linearHead, linearLayer } from "./layers.ts";
import { tokenPositions } from "./positions.ts";
import { outputTable, readTied } from "./tied.ts";

/** model_type "bert": BERT, MiniLM, and other distillations with its layout. */
export const bert: Family = {
  name: "bert",
  modelTypes: ["bert"],
  read(config) {
    const encoder = readBertEncoder(config, "bert");
    const { width } = encoder;
    const words = "bert.embeddings.word_embeddings";
    const tied = readTied(config, words, "cls.predictions.decoder", true);
    const deviation = readPositive(config, "initializer_range", 0.02);
    const pooler = { name: "bert.pooler.dense", inFeatures: width, outFeatures: width };
    const classifier = (labels: number): ModuleShape => ({
      name: "classifier",
      inFeatures: width,
      outFeatures: labels,
    });
    return {
      family: "bert",
      width,
      vocabulary: encoder.vocabulary,
      maxTokens: encoder.positions,
      modules: bertModules(encoder),
      defaultTargets: BERT_ATTENTION,
      prefixes: ["bert."],
      tied,
      // A pretrained pooler stays frozen like the encoder; checkpoints without one (as from masked language modelling alone) get a trained one.
      head: (labels, has) => [
        ...(has(`${pooler.name}.weight`) ? [] : linearHead(pooler, deviation)),
        ...linearHead(classifier(labels), deviation),
      ],
      positions: tokenPositions,
      encode: (context) => bertEncode(encoder, context),
      classify(context, pooled, labels) {
        const dense = linearLayer(context, pooler, pooled, true);
        const features = context.dropout(activation(context.program, "tanh", dense));
        return linearLayer(context, classifier(labels), features, true);
      },
      languageModel: {
        objective: "masked",
        architecture: "BertForMaskedLM",
        logits: (context, states) => maskedTokens(encoder, tied, context, states),
      },
    };
  },
};

/** Hugging Face's BertForMaskedLM head: a dense layer with the encoder's activation and a norm, then a product with the word embeddings. */
function maskedTokens(
  { width, vocabulary, activation: kind, epsilon }: BertEncoder,
  tied: Model["tied"],
  context: ModelContext,
  states: Tensor,
): Tensor {
  const { program } = context;
  const transform = "cls.predictions.transform";
  const dense = { name: `${transform}.dense`, inFeatures: width, outFeatures: width };
  const active = activation(program, kind, linearLayer(context, dense, states, true));
  const features = layerNormLayer(context, `${transform}.LayerNorm`, active, epsilon);
  const decoder = outputTable(tied, "cls.predictions.decoder");
  const table = context.weight(decoder, [vocabulary, width]);
  return linear(program, features, table, context.weight("cls.predictions.bias", [vocabulary]));
}
