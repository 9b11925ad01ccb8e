import type { NamedMethod } from "./named_method.ts";

/** No adapter at all: what the frozen base gives. */
export const head: NamedMethod = {
  name: "head",
  summary: "train and send the classification head alone",
  source: "the control without adapters",
  settings: { method: "head", aggregation: "adaptive" },
};
