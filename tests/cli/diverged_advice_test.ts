import assert from "node:assert/strict";
import { divergedAdvice } from "../../src/cli/diverged_advice.ts";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";

Deno.test("divergedAdvice() names the steps that the run takes, and clipping where there is none", () => {
  const expected: [Partial<RunConfig>, string][] = [
    [{}, "a lower --lr or --head-lr,"],
    [{ proximal: 1 }, "a lower --lr, --head-lr, or --proximal,"],
    [{ clipNorm: 0, headLr: 0 }, "a lower --lr, or with a --clip-norm,"],
    [{ method: "head", serverOptimizer: "adam" }, "a lower --head-lr or --server-lr,"],
  ];
  for (const [given, steps] of expected) {
    assert.equal(
      divergedAdvice(completeRunConfig(given)),
      `start a new run with ${steps} as --resume keeps them`,
    );
  }
});
