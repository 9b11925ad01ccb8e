/** BERT (Devlin et al. 2019) and what shares its layout, such as MiniLM, with Hugging Face's BertForSequenceClassification head. @module */

import { activation } from "../engine/ops/activation.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { BERT_ATTENTION, bertEncode, bertModules, readBertEncoder } from "./bert_encoder.ts";
import { readPositive } from "./config.ts";
import type { Family } from "./family.ts";
import { linearHead, linearLayer } from "./layers.ts";
import { tokenPositions } from "./positions.ts";
import { readTied } from "./tied.ts";

/** model_type "bert": BERT, MiniLM, and other distillations with its layout. */
export const bert: Family = {
  name: "bert",
  modelTypes: ["bert"],
  read(config) {
    const encoder = readBertEncoder(config, "bert");
    const { width } = encoder;
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
      tied: readTied(config, "bert.embeddings.word_embeddings", "cls.predictions.decoder", true),
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
    };
  },
};
