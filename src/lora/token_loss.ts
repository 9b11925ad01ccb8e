/**
 * The loss of a language model's predictions of the next token.
 *
 * Logits [P,V] of a real vocabulary are larger than all else in a step, so that they are computed for a part of the predictions at a time, and where the
 * model is trained each part's gradient with respect to its hidden states at once: no logits outlive their part. What is left of the backward pass begins
 * at the hidden states. The head is frozen.
 *
 * @module
 */

import { gradients, placeIn } from "../engine/gradients.ts";
import { crossEntropy } from "../engine/ops/cross_entropy.ts";
import { embedding } from "../engine/ops/embedding.ts";
import { bufferTensor, SLICE_ALIGNMENT, sliceTensor, type Tensor } from "../engine/program.ts";
import type { Model, ModelContext } from "../models/family.ts";
import { BUFFERS } from "./buffers.ts";

/** Largest logits of a part, in bytes: a quarter of WebGPU's default binding, and far more than a processor's cache. */
const LOGITS_BYTES = 2 ** 25;

/** Predictions P of a batch of B rows of T tokens: of every token but a row's first. */
export function predictionsOf(B: number, T: number): number {
  return B * (T - 1);
}

/** Predictions whose logits are in memory at a time, where a part's logits take no more than `bytes` and slices of buffers can begin with it. */
export function partSize(vocabulary: number, bytes: number = LOGITS_BYTES): number {
  const fitting = Math.floor(bytes / (4 * vocabulary * SLICE_ALIGNMENT)) * SLICE_ALIGNMENT;
  return Math.max(fitting, SLICE_ALIGNMENT);
}

/** What the predictions come to. */
export interface TokenLoss {
  /** [P] weighted loss of each. */
  readonly loss: Tensor;
  /** [P,C] hidden states that they are made from. */
  readonly gradientOf: Tensor;
  /** [P,C] gradient of the loss with respect to these; absent where the model is not trained. */
  readonly seed?: Tensor;
}

/**
 * Adds the head of a language model and its loss over hidden states [B,T,C]. Buffers `places`, `labels` and `weights`, [P] each, say where in B·T the
 * predictions are made, which token comes next, and what its loss weighs.
 */
export function tokenLoss(
  context: ModelContext,
  model: Pick<Model, "family" | "width" | "vocabulary" | "languageModel">,
  hidden: Tensor,
  { predictions: P, training, part = partSize(model.vocabulary) }: {
    readonly predictions: number;
    readonly training: boolean;
    readonly part?: number;
  },
): TokenLoss {
  const { program } = context;
  const { family, width: C, languageModel: head } = model;
  if (head?.objective !== "next") {
    throw new TypeError(
      `Cannot predict the next token by a model of family "${family}": expected a decoder`,
    );
  }
  const places = bufferTensor(program, "input", BUFFERS.places, [P], "u32");
  const labels = bufferTensor(program, "input", BUFFERS.labels, [P], "u32");
  const weights = bufferTensor(program, "input", BUFFERS.weights, [P]);
  const loss = bufferTensor(program, "state", "prediction losses", [P]);
  const slice = ({ name }: Tensor, first: number, shape: readonly number[]) =>
    sliceTensor(program, name, `${name} from ${first} on`, shape, first * (shape[1] ?? 1));
  const seed = training ? bufferTensor(program, "state", "dstates", [P, C]) : undefined;
  for (let first = 0; first < P; first += part) {
    const count = Math.min(part, P - first);
    const own = (tensor: Tensor) => slice(tensor, first, [count]);
    const states = embedding(program, hidden, own(places));
    const losses = crossEntropy(program, head.logits(context, states), own(labels), own(weights));
    placeIn(program, [losses], [own(loss)]);
    if (seed === undefined) continue;
    placeIn(program, gradients(program, losses, [states]), [slice(seed, first, [count, C])]);
  }
  return { loss, gradientOf: embedding(program, hidden, places), ...(seed && { seed }) };
}
