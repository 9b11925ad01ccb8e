import type { NamedMethod } from "./named_method.ts";

/** HAFL, under the name of its extension HAFLQ (arXiv 2411.06581 v2): importance-based freezing, adaptive aggregation. */
export const ifalora: NamedMethod = {
  name: "IFALoRA",
  summary: "freeze what a client cannot train, average each component over its owners (HAFL)",
  source: "HAFL, ICC 2025, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "adaptive" },
};
