import type { NamedMethod } from "./named_method.ts";

/** No federation at all: what the same steps on all rows in one place give. */
export const centralised: NamedMethod = {
  name: "centralised",
  summary: "one client with everyone's rows and everyone's steps",
  source: "the upper bound without federation",
  settings: { method: "full", aggregation: "fedit", pooled: true },
};
