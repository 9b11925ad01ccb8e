/** RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2020), with Hugging Face's RobertaForSequenceClassification head. @module */

import { activation } from "../engine/ops/activation.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import { BERT_ATTENTION, bertEncode, bertModules, readBertEncoder } from "./bert_encoder.ts";
import { readPositive, readWhole } from "./config.ts";
import { ModelConfigError } from "./errors.ts";
import type { Family } from "./family.ts";
import { linearHead, linearLayer } from "./layers.ts";
import { positionsAfterPadding } from "./positions.ts";
import { readTied } from "./tied.ts";

/** model_type "roberta" and "xlm-roberta", which differ in their vocabulary only. */
export const roberta: Family = {
  name: "roberta",
  modelTypes: ["roberta", "xlm-roberta"],
  read(config) {
    const encoder = readBertEncoder(config, "roberta");
    const { width } = encoder;
    const deviation = readPositive(config, "initializer_range", 0.02);
    const padding = readWhole(config, "pad_token_id", 0, 1);
    const maxTokens = encoder.positions - padding - 1;
    if (maxTokens < 1) {
      throw new ModelConfigError(
        `Cannot read config.json: expected "max_position_embeddings" to be above "pad_token_id" + 1 (${
          padding + 1
        }), got ${encoder.positions}`,
      );
    }
    const dense = { name: "classifier.dense", inFeatures: width, outFeatures: width };
    const projection = (labels: number): ModuleShape => ({
      name: "classifier.out_proj",
      inFeatures: width,
      outFeatures: labels,
    });
    return {
      family: "roberta",
      width,
      vocabulary: encoder.vocabulary,
      maxTokens,
      modules: bertModules(encoder),
      defaultTargets: BERT_ATTENTION,
      prefixes: ["roberta."],
      tied: readTied(config, "roberta.embeddings.word_embeddings", "lm_head.decoder", true),
      head: (labels) => [
        ...linearHead(dense, deviation),
        ...linearHead(projection(labels), deviation),
      ],
      positions: (mask) => positionsAfterPadding(mask, padding),
      encode: (context) => bertEncode(encoder, context),
      classify(context, pooled, labels) {
        const hidden = linearLayer(context, dense, context.dropout(pooled), true);
        const features = context.dropout(activation(context.program, "tanh", hidden));
        return linearLayer(context, projection(labels), features, true);
      },
    };
  },
};
