import assert from "node:assert/strict";
import { exportPeft, type PeftFiles } from "../../src/lora/peft.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { decodeSafetensors, toFloat32 } from "../../src/protocol/safetensors.ts";

const SETTINGS = { baseModel: "some/base", loraDropout: 0.1 };
const NAME = "model.layers.0.self_attn.q_proj";

/** Rank 2, s = 3 / 2; 3 inputs and 2 outputs. */
const BANK = {
  rank: 2,
  alpha: 3,
  modules: [{
    name: NAME,
    inFeatures: 3,
    outFeatures: 2,
    a: Float32Array.of(1, 2, 3, 4, 5, 6),
    b: Float32Array.of(2, -4, 6, 8),
  }],
  head: [{ name: "score.weight", shape: [1, 2], data: Float32Array.of(7, 8) }],
};

Deno.test("exportPeft() writes PEFT's names and folds the scale into B", () => {
  const files = exportPeft(BANK, SETTINGS);
  assert.deepEqual(numbersOf(files), {
    [`base_model.model.${NAME}.lora_A.weight`]: [1, 2, 3, 4, 5, 6],
    [`base_model.model.${NAME}.lora_B.weight`]: [3, -6, 9, 12],
    "base_model.model.score.weight": [7, 8],
  });
  const { tensors, metadata } = decodeSafetensors(files["adapter_model.safetensors"]);
  assert.deepEqual(metadata, { format: "pt" });
  assert.deepEqual(tensors.get(`base_model.model.${NAME}.lora_A.weight`)!.shape, [2, 3]);
  assert.deepEqual(tensors.get(`base_model.model.${NAME}.lora_B.weight`)!.shape, [2, 2]);
});

Deno.test("exportPeft() writes a config with one rank, scale 1 and full names", () => {
  const config = JSON.parse(exportPeft(BANK, SETTINGS)["adapter_config.json"]);
  const expected = {
    peft_type: "LORA",
    task_type: "SEQ_CLS",
    base_model_name_or_path: "some/base",
    r: 2,
    lora_alpha: 2,
    lora_dropout: 0.1,
    target_modules: [NAME],
    modules_to_save: ["score"],
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    rank_pattern: {},
    alpha_pattern: {},
    use_rslora: false,
    use_dora: false,
  };
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(config[key], value, key);
  assert.deepEqual(Object.keys(config), Object.keys(config).sort());
});

Deno.test("exportPeft() leaves out what does nothing from a compact adapter, and names the ranks", () => {
  const module = (name: string, a: number[], b: number[]) => ({
    name,
    inFeatures: 1,
    outFeatures: 2,
    a: Float32Array.from(a),
    b: Float32Array.from(b),
  });
  const bank = {
    rank: 3,
    alpha: 6,
    modules: [
      module("layers.1.q", [1, 2, 3], [4, 0, 5, 6, 0, -0]), // component 1 has b = 0
      module("layers.0.v", [1, 2, 3], [0, 0, 0, 0, 0, 0]),
      module("layers.0.q", [1, 2, 3], [0, 0, 7, 0, 0, 0]),
    ],
    head: [],
  };
  const uniform = exportPeft(bank, SETTINGS);
  const compact = exportPeft(bank, { ...SETTINGS, layout: "compact" });
  assert.deepEqual(numbersOf(compact), {
    "base_model.model.layers.0.q.lora_A.weight": [3],
    "base_model.model.layers.0.q.lora_B.weight": [14, 0],
    "base_model.model.layers.0.v.lora_A.weight": [1],
    "base_model.model.layers.0.v.lora_B.weight": [0, 0],
    "base_model.model.layers.1.q.lora_A.weight": [1, 3],
    "base_model.model.layers.1.q.lora_B.weight": [8, 10, 12, -0],
  });
  const config = JSON.parse(compact["adapter_config.json"]);
  const ranks = { "layers.0.q": 1, "layers.0.v": 1 };
  assert.deepEqual([config.r, config.lora_alpha], [2, 2]);
  assert.deepEqual([config.rank_pattern, config.alpha_pattern], [ranks, ranks]);
  const deltas = (files: PeftFiles) => importPeft(files).modules.map((one) => deltaWeight(one, 1));
  assert.deepEqual(deltas(compact), deltas(uniform));
});

Deno.test("exportPeft() names the task, and in the file of tensors the base's hash and the labels", () => {
  const taskOf = (head: typeof BANK.head) =>
    JSON.parse(exportPeft({ ...BANK, head }, SETTINGS)["adapter_config.json"]).task_type;
  assert.deepEqual([taskOf(BANK.head), taskOf([])], ["SEQ_CLS", "CAUSAL_LM"]);
  const files = exportPeft(BANK, { ...SETTINGS, baseHash: "abc", labels: ["high", "low"] });
  assert.deepEqual(decodeSafetensors(files["adapter_model.safetensors"]).metadata, {
    format: "pt",
    hafl_base_hash: "abc",
    hafl_labels: '["high","low"]',
  });
});

Deno.test("exportPeft() says that GPT-2 stores its weights as [in, out]", () => {
  const [module] = BANK.modules;
  const modules = [{ ...module, name: "transformer.h.0.attn.c_attn" }];
  const files = exportPeft({ ...BANK, modules }, SETTINGS);
  assert.equal(JSON.parse(files["adapter_config.json"]).fan_in_fan_out, true);
  assert.deepEqual(numbersOf(files)["base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"], [
    ...module.a,
  ]);
});

Deno.test("exportPeft() names the revision of a hub model", () => {
  const config = JSON.parse(
    exportPeft(BANK, { ...SETTINGS, revision: "v1" })["adapter_config.json"],
  );
  assert.equal(config.revision, "v1");
});

Deno.test("exportPeft() saves head modules as PEFT wraps them", () => {
  const saved = (...names: string[]) => {
    const head = names.map((name) => ({ name, shape: [1], data: new Float32Array(1) }));
    const files = exportPeft({ ...BANK, head }, SETTINGS);
    return JSON.parse(files["adapter_config.json"]).modules_to_save;
  };
  assert.deepEqual(saved("classifier.weight", "classifier.bias"), ["classifier"]);
  assert.deepEqual(
    saved("pre_classifier.weight", "pre_classifier.bias", "classifier.weight"),
    ["pre_classifier", "classifier"],
  );
  assert.deepEqual(saved("classifier.dense.weight", "classifier.out_proj.bias"), ["classifier"]);
  assert.deepEqual(
    saved("bert.pooler.dense.weight", "classifier.weight"),
    ["bert.pooler.dense", "classifier"],
  );
});

Deno.test("exportPeft() gives the same bytes whatever the order of modules and head", () => {
  const two = { ...BANK.modules[0], name: "model.layers.10.self_attn.q_proj" };
  const forth = exportPeft({ ...BANK, modules: [...BANK.modules, two] }, SETTINGS);
  const back = exportPeft({ ...BANK, modules: [two, ...BANK.modules] }, SETTINGS);
  assert.deepEqual(back, forth);
});

Deno.test("exportPeft() refuses a number that is not finite, and one that the scale makes so", () => {
  const broken = (a: number, b: number, head: number) => () =>
    exportPeft({
      rank: 1,
      alpha: 2,
      modules: [{
        name: "q",
        inFeatures: 1,
        outFeatures: 1,
        a: Float32Array.of(a),
        b: Float32Array.of(b),
      }],
      head: [{ name: "score.weight", shape: [1], data: Float32Array.of(head) }],
    }, SETTINGS);
  broken(1, 1, 1)();
  assert.throws(broken(NaN, 1, 1), {
    name: "PeftError",
    message: 'Cannot export "q.lora_A.weight": expected finite numbers, got NaN at index 0',
  });
  assert.throws(broken(1, 3e38, 1), /"q\.lora_B\.weight": expected finite numbers, got Infinity/);
  assert.throws(broken(1, 1, -Infinity), /"score\.weight".*got -Infinity/);
});

Deno.test("importPeft() reads back what exportPeft() wrote", () => {
  const { rank, alpha, modules, head } = importPeft(exportPeft(BANK, SETTINGS));
  assert.deepEqual([rank, alpha], [2, 2]);
  assert.deepEqual(deltaWeight(modules[0], alpha / rank), deltaWeight(BANK.modules[0], 3 / 2));
  assert.deepEqual(head, BANK.head);
});

function numbersOf(files: PeftFiles): Record<string, number[]> {
  const { tensors } = decodeSafetensors(files["adapter_model.safetensors"]);
  return Object.fromEntries(
    [...tensors].map((
      [name, { dtype, bytes }],
    ) => [name, Array.from(toFloat32(dtype, bytes))]),
  );
}
