import type { NamedMethod } from "./named_method.ts";

/** Freezing of components drawn in proportion to their scores, between greedy (low temperature) and random (high). */
export const sampled: NamedMethod = {
  name: "sampled",
  summary: "IFALoRA with components drawn by score; --temperature says how evenly",
  source: "a variant of HAFL, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "adaptive", selection: "sampled" },
};
