import type { NamedMethod } from "./named_method.ts";

/** Importance-based truncation with adaptive aggregation, as HAFLQ (arXiv 2411.06581 v2) calls it. */
export const italora: NamedMethod = {
  name: "ITALoRA",
  summary: "truncate to a client's rank, average each component over its owners",
  source: "HAFL, ICC 2025, arXiv 2411.06581 v1",
  settings: { method: "truncate", aggregation: "adaptive" },
};
