import type { NamedMethod } from "./named_method.ts";

/** Importance-based truncation with the baseline's aggregation, as HAFLQ (arXiv 2411.06581 v2) calls it. */
export const itzlora: NamedMethod = {
  name: "ITZLoRA",
  summary: "truncate, average with zeros for what a client does not hold",
  source: "HAFL, ICC 2025, arXiv 2411.06581 v1",
  settings: { method: "truncate", aggregation: "zero-pad" },
};
