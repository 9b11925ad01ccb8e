import type { NamedMethod } from "./named_method.ts";

/** Importance-based freezing with zero-padding of changes instead of values: what zero-padding is when nothing is diluted. */
export const zeroDelta: NamedMethod = {
  name: "zero-delta",
  summary: "freeze, average changes: what a client did not train counts as unchanged",
  source: "a fair form of HAFL's baseline, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "zero-delta" },
};
