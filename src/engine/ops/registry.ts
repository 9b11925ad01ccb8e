/** All operations by name, for devices and workers that receive programs as data. @module */

import type { Op } from "../op.ts";
import { accumulateOp } from "./accumulate.ts";
import { activationBackwardOp, activationOp } from "./activation.ts";
import { addOp } from "./add.ts";
import { attentionOp } from "./attention.ts";
import { attentionBackwardOp } from "./attention_backward.ts";
import { attentionMatmulOp } from "./attention_matmul.ts";
import { cachedAttentionOp } from "./cached_attention.ts";
import { columnMaskOp } from "./column_mask.ts";
import { columnSumOp } from "./column_sum.ts";
import { copyOp } from "./copy.ts";
import { crossEntropyBackwardOp, crossEntropyOp } from "./cross_entropy.ts";
import { dropoutOp } from "./dropout.ts";
import { embeddingBackwardOp, embeddingOp } from "./embedding.ts";
import { fillOp } from "./fill.ts";
import { gateBackwardOp, gateOp } from "./gate.ts";
import { layerNormBackwardOp, layerNormOp, layerNormParameterBackwardOp } from "./layer_norm.ts";
import { maskedSoftmaxBackwardOp, maskedSoftmaxOp } from "./masked_softmax.ts";
import { matmulOp } from "./matmul.ts";
import { adamwOp, clipFactorOp, sgdOp, squareSumsOp } from "./optimizer.ts";
import { poolBackwardOp, poolOp } from "./pool.ts";
import { proximalGradientOp } from "./proximal_gradient.ts";
import { recordOp } from "./record.ts";
import { rmsNormBackwardOp, rmsNormOp, rmsNormParameterBackwardOp } from "./rms_norm.ts";
import { ropeOp } from "./rope.ts";
import { scaleOp } from "./scale.ts";
import { joinThirdsOp, splitThirdsOp } from "./thirds.ts";

/** Each operation has attributes of its own type; a node carries them as data. */
// deno-lint-ignore no-explicit-any -- see above
type AnyOp = Op<any>;

const operations: ReadonlyMap<string, AnyOp> = new Map(
  ([
    accumulateOp,
    activationOp,
    activationBackwardOp,
    adamwOp,
    addOp,
    attentionOp,
    attentionBackwardOp,
    attentionMatmulOp,
    cachedAttentionOp,
    clipFactorOp,
    columnMaskOp,
    columnSumOp,
    copyOp,
    crossEntropyOp,
    crossEntropyBackwardOp,
    dropoutOp,
    embeddingOp,
    embeddingBackwardOp,
    fillOp,
    gateOp,
    gateBackwardOp,
    joinThirdsOp,
    layerNormOp,
    layerNormBackwardOp,
    layerNormParameterBackwardOp,
    maskedSoftmaxOp,
    maskedSoftmaxBackwardOp,
    matmulOp,
    poolOp,
    poolBackwardOp,
    proximalGradientOp,
    recordOp,
    rmsNormOp,
    rmsNormBackwardOp,
    rmsNormParameterBackwardOp,
    ropeOp,
    scaleOp,
    sgdOp,
    splitThirdsOp,
    squareSumsOp,
  ] as AnyOp[]).map((op) => [op.name, op]),
);

/** Names of all operations. */
export const operationNames: readonly string[] = [...operations.keys()];

/** The operation a node names. */
export function operation(name: string): Op {
  const op = operations.get(name);
  if (op === undefined) {
    throw new TypeError(`Cannot find operation "${name}": it is not registered`);
  }
  return op;
}
