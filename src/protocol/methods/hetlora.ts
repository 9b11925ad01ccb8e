import type { NamedMethod } from "./named_method.ts";

/** HetLoRA without the pruning of ranks in local training. */
export const hetlora: NamedMethod = {
  name: "hetlora",
  summary: "truncate to the first components, weigh clients by the norm of their update",
  source: "HetLoRA, EMNLP 2024, arXiv 2401.06432",
  settings: { method: "truncate", aggregation: "hetlora", selection: "first", warmupRounds: 0 },
};
