import assert from "node:assert/strict";
import { readModel } from "../../src/models/mod.ts";
import { GPT2 } from "./small_configs.ts";
import { requestsOf } from "./support.ts";

Deno.test("readModel() of gpt2 takes a feed-forward part of four times the width unless told otherwise", () => {
  const shapeOf = (config: Record<string, unknown>) =>
    requestsOf(readModel(config), 2).weights.get("transformer.h.0.mlp.c_fc.weight");
  assert.deepEqual(shapeOf(GPT2), [32, 8]);
  assert.deepEqual(shapeOf({ ...GPT2, n_inner: null }), [32, 8]);
  assert.deepEqual(shapeOf({ ...GPT2, n_inner: 5 }), [5, 8]);
});
