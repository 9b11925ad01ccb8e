import type { NamedMethod } from "./named_method.ts";

/** Freezing of random components: the difference to IFALoRA is what importance buys. */
export const random: NamedMethod = {
  name: "random",
  summary: "IFALoRA with components drawn at random: what importance is worth",
  source: "a control for HAFL, arXiv 2411.06581 v1",
  settings: { method: "freeze", aggregation: "adaptive", selection: "random" },
};
