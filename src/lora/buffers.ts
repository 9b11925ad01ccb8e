/** Names of the buffers that all programs of a run share, and that the host writes and reads. @module */

import { INPUT_BUFFERS } from "../models/plain_context.ts";
import { OPTIMIZER_BUFFERS } from "./train_packed.ts";

/** By what they hold; of a language model labels and weights are those of its predictions, and `places` tells where these are made. */
export const BUFFERS = {
  ...INPUT_BUFFERS,
  places: "places",
  labels: "labels",
  weights: "row weights",
  ...OPTIMIZER_BUFFERS,
  seed: "dropout seed",
  cursor: "cursor",
  forwardMask: "forward mask",
  adapter: "adapter",
  trainLosses: "training losses",
  evaluationLosses: "evaluation losses",
  logits: "logits",
} as const;
