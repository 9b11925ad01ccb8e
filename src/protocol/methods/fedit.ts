import type { NamedMethod } from "./named_method.ts";

/** FedIT: federated averaging of one LoRA adapter. */
export const fedit: NamedMethod = {
  name: "fedit",
  summary: "one rank for all, plain mean of A and of B; --ranks says which",
  source: "FedIT, ICASSP 2024, arXiv 2305.05644",
  settings: { method: "full", aggregation: "fedit" },
};
