import assert from "node:assert/strict";
import { type AdapterBase, compareBase, fitAdapter } from "../../src/lora/peft_fit.ts";
import { type ImportedAdapter, importPeft } from "../../src/lora/peft_import.ts";
import type { ModuleComponents } from "../../src/protocol/bank.ts";
import { transpose } from "../../src/weights/transpose.ts";
import { FAMILIES } from "../models/support.ts";
import {
  exportTiny,
  goldenAdapter,
  LABELS,
  readTinyModel,
  type TinyModel,
  weightsOf,
} from "./support.ts";

function baseOf(tiny: TinyModel): AdapterBase {
  return { label: tiny.family, model: tiny.model, weights: weightsOf(tiny) };
}

function exported(tiny: TinyModel): ImportedAdapter {
  return importPeft(exportTiny(tiny, goldenAdapter(tiny, "stored")));
}

for (const family of FAMILIES) {
  Deno.test(`fitAdapter() finds the modules and the head of ${family} under the names that PEFT gives them`, async () => {
    const tiny = await readTinyModel(family);
    const adapter = exported(tiny);
    assert.deepEqual(fitAdapter(adapter, baseOf(tiny)), { ...adapter, classes: LABELS });
    const { prefixes: [prefix] } = tiny.model;
    const inner = (name: string) => name.replace(prefix, "");
    const modules = adapter.modules.map((module) => ({ ...module, name: inner(module.name) }));
    assert.notDeepEqual(modules, adapter.modules);
    const headless = { ...adapter, modules, head: [], task: null };
    assert.deepEqual(fitAdapter(headless, baseOf(tiny)), {
      ...headless,
      modules: adapter.modules,
      classes: undefined,
    });
  });
}

Deno.test("fitAdapter() names what does not fit the model", async () => {
  const tiny = await readTinyModel("llama");
  const base = baseOf(tiny);
  const adapter = exported(tiny);
  const [first, ...others] = adapter.modules;
  const refused = (changes: Partial<ImportedAdapter>, message: string | RegExp) =>
    assert.throws(() => fitAdapter({ ...adapter, ...changes }, base), {
      name: "PeftError",
      message,
    });
  const renamed = { ...first, name: "model.layers.9.self_attn.q_proj" };
  refused(
    { modules: [renamed, ...others] },
    'Cannot use the adapter with "llama": it adapts "model.layers.9.self_attn.q_proj", which the ' +
      'model does not have; the nearest is "model.layers.0.self_attn.q_proj"',
  );
  const wide: ModuleComponents = { ...first, inFeatures: first.inFeatures + 1 };
  const { name, inFeatures, outFeatures } = first;
  refused(
    { modules: [wide, ...others] },
    `Cannot use the adapter with "llama": expected shape [${outFeatures}, ${inFeatures}] for ` +
      `"${name}", got [${outFeatures}, ${inFeatures + 1}]`,
  );
  const [score] = adapter.head;
  const narrow = { ...score, shape: [LABELS, 1], data: new Float32Array(LABELS) };
  refused({ head: [narrow] }, /expected shape \[3, \d+\] for "score\.weight", got \[3, 1\]$/);
  refused(
    { head: [{ ...score, name: "classifier.weight" }] },
    /expected a head of some classes, got none$/,
  );
  refused(
    { head: [score, { ...score, name: "classifier.weight" }] },
    /it saves "classifier\.weight", which the model does not have/,
  );
  refused({ labels: ["a", "b"] }, /expected a head of 2 classes, got 3$/);
  refused({ labels: ["a"] }, /expected a head of 1 class, got 3$/);

  const bert = await readTinyModel("bert");
  const { head } = exported(bert);
  const part = head.filter(({ name }) => name !== "classifier.bias");
  assert.throws(
    () => fitAdapter({ ...exported(bert), head: part }, baseOf(bert)),
    /it saves a head without "classifier\.bias"$/,
  );
});

Deno.test("compareBase() goes by the hash where one is told, else notes another name", async () => {
  const base = { name: "here/base", hash: () => Promise.resolve("ab".repeat(32)) };
  const noted = (baseModel: string | null, baseHash: string | null) =>
    compareBase({ baseModel, baseHash }, base);
  assert.equal(await noted("some/base", "ab".repeat(32)), undefined);
  assert.equal(await noted("here/base", null), undefined);
  assert.equal(await noted(null, null), undefined);
  assert.equal(
    await noted("some/base", null),
    'The adapter was trained on "some/base", and is used with "here/base"',
  );
  await assert.rejects(noted("some/base", "cd".repeat(32)), {
    name: "PeftError",
    message: 'Cannot use the adapter with "here/base": expected the base "some/base" of hash ' +
      "cdcdcdcdcdcd, got abababababab",
  });
});

Deno.test("fitAdapter() turns what PEFT stores of a Conv1D as its checkpoint does", async () => {
  const tiny = await readTinyModel("gpt2");
  const base = baseOf(tiny);
  const adapter = { ...exported(tiny), head: [], task: null };
  for (const part of ["attn.c_proj", "mlp.c_fc"]) {
    const name = `transformer.h.0.${part}.weight`;
    const { shape, data } = tiny.weights.get(name)!;
    const stored = { name, shape: shape.toReversed(), data: transpose(data, shape[0], shape[1]) };
    assert.deepEqual(fitAdapter({ ...adapter, head: [stored] }, base).head, [
      { name, shape, data },
    ]);
  }
});
