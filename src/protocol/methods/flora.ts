import type { NamedMethod } from "./named_method.ts";

/** FLoRA: a round's adapters end in the base weights, and the next round's are fresh. */
export const flora: NamedMethod = {
  name: "flora",
  summary: "train a fresh adapter each round, stack them all, merge into the base; in a simulation",
  source: "FLoRA, NeurIPS 2024, arXiv 2409.05976",
  settings: { method: "truncate", aggregation: "flora", selection: "first", warmupRounds: 0 },
};
