import type { NamedMethod } from "./named_method.ts";

/** FlexLoRA: no warm-up, as the components' order is the server's. */
export const flexlora: NamedMethod = {
  name: "flexlora",
  summary: "truncate to the first components, average the products, redistribute by SVD",
  source: "FlexLoRA, NeurIPS 2024, arXiv 2402.11505",
  settings: { method: "truncate", aggregation: "flexlora", selection: "first", warmupRounds: 0 },
};
