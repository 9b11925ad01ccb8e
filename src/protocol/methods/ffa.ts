import type { NamedMethod } from "./named_method.ts";

/** FFA-LoRA: with A the same everywhere the mean of the products is the product of the means. */
export const ffa: NamedMethod = {
  name: "ffa",
  summary: "one rank for all, A stays as drawn, plain mean of B",
  source: "FFA-LoRA, ICLR 2024, arXiv 2403.12313",
  settings: { method: "full", aggregation: "fedit", factors: "b" },
};
