import type { RunConfig } from "./run_config.ts";

/**
 * Settings that saved runs, kept results and manifests of earlier versions may lack, with what those versions did: their default now, where that has not
 * become another since.
 */
export const laterSettings = {
  task: "classify",
  packing: true,
  accumulate: 1,
  recompute: false,
  lrByRank: "equal",
} as const satisfies Partial<RunConfig>;
