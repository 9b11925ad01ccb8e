/** The heads of a decoder. @module */

import { linear } from "../engine/ops/matmul.ts";
import type { Model } from "./family.ts";
import { outputTable } from "./tied.ts";

/** What the heads take from a decoder; `deviation` is what a head's weights are drawn at. */
type Headed = Pick<Model, "width" | "vocabulary" | "tied"> & { readonly deviation: number };

/** Hugging Face's heads: `score` of ForSequenceClassification, and `lm_head` of the class `architecture`, which predicts the next token. */
export function decoderHeads(
  architecture: string,
  { width, vocabulary, tied, deviation }: Headed,
): Pick<Model, "head" | "classify" | "languageModel"> {
  return {
    head: (labels) => [{ name: "score.weight", shape: [labels, width], deviation }],
    classify: (context, pooled, labels) => context.linear("score", pooled, labels, false),
    languageModel: {
      objective: "next",
      architecture,
      logits: (context, states) => {
        const table = context.weight(outputTable(tied, "lm_head"), [vocabulary, width]);
        return linear(context.program, states, table);
      },
    },
  };
}
