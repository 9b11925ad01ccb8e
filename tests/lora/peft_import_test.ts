import assert from "node:assert/strict";
import { exportPeft, PeftError, type PeftFiles } from "../../src/lora/peft.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { encodeSafetensors, type SafetensorsInput } from "../../src/protocol/safetensors.ts";
import { readValues } from "../models/support.ts";
import { assertClose } from "../reference/compare.ts";

Deno.test("importPeft() gives PEFT's weight updates, with its patterns of ranks and alphas", () => {
  const folder = new URL("./peft_adapter/", import.meta.url);
  const { rank, alpha, modules, head } = importPeft({
    "adapter_config.json": Deno.readTextFileSync(new URL("adapter_config.json", folder)),
    "adapter_model.safetensors": Deno.readFileSync(new URL("adapter_model.safetensors", folder)),
  });
  assert.deepEqual([rank, alpha], [5, 5]);
  const deltas = readValues(new URL("delta.safetensors", folder));
  assert.deepEqual(modules.map(({ name }) => name), [...deltas.keys()].sort());
  for (const module of modules) {
    const { shape, data } = deltas.get(module.name)!;
    assert.deepEqual([module.outFeatures, module.inFeatures], shape);
    assert.equal(module.a.length, rank * module.inFeatures);
    assertClose(deltaWeight(module, 1), Float64Array.from(data), 1e-6, module.name);
  }
  const golden = readValues(new URL("../golden/llama/model.safetensors", import.meta.url));
  assert.deepEqual(head, [{ name: "score.weight", ...golden.get("score.weight")! }]);
});

Deno.test("importPeft() pads a module of lower rank with zero components", () => {
  const q = tensors("q", 1, [1, 2], [3]);
  const v = tensors("v", 2, [1, 2, 3, 4], [5, 6]);
  const { rank, modules } = importPeft(
    files({ r: 2, lora_alpha: 2, rank_pattern: { q: 1 } }, [...q, ...v]),
  );
  assert.equal(rank, 2);
  assert.deepEqual(Array.from(modules[0].a), [1, 2, 0, 0]);
  // lora_alpha is for all: q's scale is 2 / 1.
  assert.deepEqual(Array.from(modules[0].b), [6, 0]);
  assert.deepEqual(Array.from(modules[1].b), [5, 6]);
});

Deno.test("importPeft() names the setting that it does not support", () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ peft_type: "LOHA" }, /"peft_type" in adapter_config\.json to be "LORA", got "LOHA"/],
    [{ peft_type: undefined }, /"peft_type".*got nothing/],
    [{ use_dora: true }, /"use_dora".*to be false, got true/],
    [{ bias: "all" }, /"bias".*to be "none", got "all"/],
    [{ init_lora_weights: "pissa" }, /"init_lora_weights".*or "orthogonal", got "pissa"/],
    [{ layer_replication: [[0, 2]] }, /"layer_replication".*to be null/],
    [{ r: 0 }, /"r".*a whole number of at least 1, got 0/],
    [{ lora_alpha: "8" }, /"lora_alpha".*a number, got "8"/],
    [{ rank_pattern: { q: 1.5 } }, /"rank_pattern\.q".*got 1\.5/],
    [{ alpha_pattern: 3 }, /"alpha_pattern".*an object, got 3/],
    [{ rank_pattern: { "(": 1 } }, /"\(" in adapter_config\.json is not a pattern/],
    [{ modules_to_save: "score" }, /"modules_to_save".*a list of names/],
    [{ target_modules: 1 }, /"target_modules".*a list of names, got 1/],
    [{ target_modules: ["v"] }, /"q": target_modules in adapter_config\.json does not name it/],
    [{ target_modules: "q." }, /"q": target_modules .* does not name it/],
    [{ target_modules: "(" }, /"\(" in adapter_config\.json is not a pattern/],
    [{ trainable_token_indices: [1] }, /"trainable_token_indices".*to be null, got \[1\]/],
    [{ base_model_name_or_path: 3 }, /"base_model_name_or_path".*a text, got 3/],
  ];
  const q = tensors("q", 1, [1], [1]);
  importPeft(files({}, q));
  for (const [config, message] of refused) {
    assert.throws(() => importPeft(files(config, q)), { name: PeftError.name, message });
  }
});

Deno.test("importPeft() names the tensor that is missing, unknown or of a wrong shape", () => {
  const q = tensors("q", 1, [1], [1]);
  const extra = (name: string) => [...q, { name, shape: [1], data: Float32Array.of(1) }];
  const refused: [SafetensorsInput[], RegExp][] = [
    [q.slice(0, 1), /has no "base_model\.model\.q\.lora_B\.weight"/],
    [q.slice(1), /has no "base_model\.model\.q\.lora_A\.weight"/],
    [extra("q.lora_A.weight"), /"q\.lora_A\.weight": .* has "q\.lora_A\.weight" twice/],
    [extra("base_model.model.q.lora_magnitude_vector"), /"q\.lora_magnitude_vector"/],
    [extra("base_model.model.q.bias"), /"q\.bias".*modules_to_save \(head\)/],
    [
      tensors("q", 2, [1, 2], [1, 2]),
      /"q\.lora_A\.weight": expected shape \[1, any\], got \[2, 1\]/,
    ],
    [[q[0], { ...tensors("q", 2, [1, 2], [1, 2])[1] }], /lora_B.*\[any, 1\], got \[1, 2\]/],
    [tensors("q", 1, [NaN], [1]), /"q\.lora_A\.weight": expected finite numbers, got NaN/],
    [[], /has no LoRA tensors/],
  ];
  for (const [list, message] of refused) {
    assert.throws(() => importPeft(files({}, list)), { name: PeftError.name, message });
  }
  const { head } = importPeft(files({}, extra("base_model.model.head.dense.bias")));
  assert.deepEqual(head.map(({ name }) => name), ["head.dense.bias"]);
});

Deno.test("importPeft() says that a config is not JSON, or not an object", () => {
  const of = (text: string): PeftFiles => ({ ...files({}, []), "adapter_config.json": text });
  assert.throws(() => importPeft(of("{")), /^PeftError: Cannot read adapter_config\.json: /);
  assert.throws(() => importPeft(of("[]")), /expected an object, got \[\]/);
});

Deno.test("importPeft() reads the names of a model in memory as those of a file", () => {
  const [a, b] = tensors("layers.0.q", 1, [1, 2], [3]);
  const head = { name: "base_model.model.head.weight", shape: [1], data: Float32Array.of(4) };
  const expected = importPeft(files({}, [a, b, head]));
  const named = (change: (name: string) => string) =>
    importPeft(files({}, [a, b, head].map((one) => ({ ...one, name: change(one.name) }))));
  const short = (name: string) => name.replace("base_model.model.", "");
  const long = (name: string) =>
    name.replace(".weight", ".default.weight")
      .replace("head.default.weight", "head.modules_to_save.default.weight");
  assert.deepEqual(named(short), expected);
  assert.deepEqual(named(long), expected);
  assert.deepEqual(named((name) => short(long(name))), expected);
});

Deno.test("importPeft() divides by √r under use_rslora, and takes no notice of fan_in_fan_out", () => {
  const q = tensors("q", 4, [1, 2, 3, 4], [1, 2, 3, 4]);
  const config = { r: 4, lora_alpha: 6, use_rslora: true, fan_in_fan_out: true };
  assert.deepEqual(Array.from(importPeft(files(config, q)).modules[0].b), [3, 6, 9, 12]);
});

Deno.test("importPeft() knows modules by the last part of their names, by a pattern, and all of them", () => {
  const q = tensors("layers.0.q", 1, [1], [1]);
  const accepts = (target_modules: unknown) =>
    assert.equal(importPeft(files({ target_modules }, q)).modules.length, 1);
  for (const targets of [["q"], ["0.q"], ["layers.0.q"], "layers.*q", "all-linear", null]) {
    accepts(targets);
  }
  for (const targets of [["ers.0.q"], "q", []]) {
    assert.throws(() => accepts(targets), /does not name it/, JSON.stringify(targets));
  }
});

Deno.test("importPeft() reads what exportPeft() tells of the base and the labels", () => {
  const modules = [{
    name: "q",
    inFeatures: 1,
    outFeatures: 1,
    a: Float32Array.of(1),
    b: Float32Array.of(2),
  }];
  const told = { baseHash: "abc", labels: ["high", "low"], reading: { seqLen: 8 } };
  const bank = { rank: 1, alpha: 1, modules, head: [] };
  const { baseModel, baseHash, labels, reading, task } = importPeft(
    exportPeft(bank, { baseModel: "some/base", loraDropout: 0, ...told }),
  );
  assert.deepEqual({ baseHash, labels, reading }, told);
  assert.deepEqual([baseModel, task], ["some/base", "CAUSAL_LM"]);
  const foreign = importPeft(files({}, tensors("q", 1, [1], [1])));
  assert.deepEqual([foreign.baseHash, foreign.labels, foreign.task], [null, null, null]);
  assert.equal(foreign.reading, null);
  const saying = (metadata: Record<string, string>) => ({
    ...files({}, []),
    "adapter_model.safetensors": encodeSafetensors(tensors("q", 1, [1], [1]), metadata),
  });
  assert.throws(
    () => importPeft(saying({ hafl_labels: "x" })),
    /expected hafl_labels to be a list of texts, got x/,
  );
  assert.throws(
    () => importPeft(saying({ hafl_labels: '["cat","dog","cat"]' })),
    /^PeftError: Cannot import the adapter: expected hafl_labels to be distinct, got "cat" twice$/,
  );
  for (const text of ["x", "null", "[]", "3"]) {
    assert.throws(
      () => importPeft(saying({ hafl_reading: text })),
      /expected hafl_reading to be a JSON object/,
    );
  }
});

/** A and B of a module of rank r under PEFT's names, with as many inputs and outputs as the numbers give. */
function tensors(name: string, r: number, a: number[], b: number[]): SafetensorsInput[] {
  const tensor = (part: string, shape: number[], data: number[]) => ({
    name: `base_model.model.${name}.lora_${part}.weight`,
    shape,
    data: Float32Array.from(data),
  });
  return [tensor("A", [r, a.length / r], a), tensor("B", [b.length / r, r], b)];
}

function files(config: Record<string, unknown>, list: SafetensorsInput[]): PeftFiles {
  const plain = { peft_type: "LORA", r: 1, lora_alpha: 1, modules_to_save: ["head"] };
  return {
    "adapter_config.json": JSON.stringify({ ...plain, ...config }),
    "adapter_model.safetensors": encodeSafetensors(list),
  };
}
