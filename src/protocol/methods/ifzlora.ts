import type { NamedMethod } from "./named_method.ts";

/** Importance-based freezing with the baseline's aggregation, as HAFLQ (arXiv 2411.06581 v2) calls it. */
export const ifzlora: NamedMethod = {
  name: "IFZLoRA",
  summary: "freeze, average with zeros for what a client did not train",
  source: "HAFL, ICC 2025, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "zero-pad" },
};
