import type { NamedMethod } from "./named_method.ts";

/** Everyone alone: what a federation has to beat to be worth its while. */
export const local: NamedMethod = {
  name: "local",
  summary: "every client keeps its own adapter and head, nothing is sent; in a simulation",
  source: "the lower bound without federation",
  settings: { method: "truncate", aggregation: "local", selection: "first", warmupRounds: 0 },
};
