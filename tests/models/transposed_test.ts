import assert from "node:assert/strict";
import { isConv1D, isTransposed } from "../../src/models/mod.ts";
import { FAMILIES, readGolden, requestsOf } from "./support.ts";

for (const family of FAMILIES) {
  const turned = family === "gpt2" ? "every linear layer" : "nothing";
  Deno.test(`isTransposed() is true of ${turned} of ${family}`, () => {
    const { model } = readGolden(family);
    const tensors = [...requestsOf(model, 2).weights.keys()].filter(isTransposed);
    const modules = family === "gpt2" ? model.modules.map(({ name }) => name) : [];
    assert.deepEqual(tensors, modules.map((name) => `${name}.weight`));
    assert.deepEqual(model.modules.map(({ name }) => name).filter(isConv1D), modules);
  });
}
