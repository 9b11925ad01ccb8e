/** The language-model heads over the float64 oracles. */

import { gelu } from "../reference/gelu.ts";
import { layerNorm } from "../reference/layer_norm.ts";
import { linear } from "../reference/linear.ts";
import type { Numbers } from "../reference/numbers.ts";

/** Rows N, width C, tokens V. */
export interface HeadShape {
  readonly N: number;
  readonly C: number;
  readonly V: number;
}

/** Weights by name. */
export type Weights = Readonly<Record<string, Numbers>>;

/** Hugging Face's BertForMaskedLM head over the table `table`: states [N,C] to logits [N,V]. */
export function bertHead(
  states: Numbers,
  weights: Weights,
  table: string,
  { N, C, V }: HeadShape,
): Float64Array {
  const transform = "cls.predictions.transform";
  const dense = linear(
    states,
    weights[`${transform}.dense.weight`],
    weights[`${transform}.dense.bias`],
    { N, K: C, M: C },
  );
  const features = layerNorm(
    gelu(dense),
    weights[`${transform}.LayerNorm.weight`],
    weights[`${transform}.LayerNorm.bias`],
    { N, C },
    1e-12,
  );
  return linear(features, weights[table], weights["cls.predictions.bias"], { N, K: C, M: V });
}

/** The head of Hugging Face's LlamaForCausalLM and of other decoders, over the table `table`: states [N,C] to logits [N,V]. */
export function decoderHead(
  states: Numbers,
  weights: Weights,
  table: string,
  { N, C, V }: HeadShape,
): Float64Array {
  return linear(states, weights[table], undefined, { N, K: C, M: V });
}
