import type { NamedMethod } from "./named_method.ts";

/** Freezing whose clients train at rates by their rank, so that the steps of all tiers move ΔW equally far. */
export const rootLr: NamedMethod = {
  name: "root-lr",
  summary: "IFALoRA whose clients of rank r_k train at √(r / r_k) times the rate",
  source: "a variant of HAFL, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "adaptive", lrByRank: "root" },
};
