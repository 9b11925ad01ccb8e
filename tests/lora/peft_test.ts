import assert from "node:assert/strict";
import { exportPeft, PeftError, type PeftFiles } from "../../src/lora/peft.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsInput,
  toFloat32,
} from "../../src/protocol/safetensors.ts";
import { readValues } from "../models/support.ts";
import { assertClose } from "../reference/compare.ts";

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
    base_model_hash: "abc",
    format: "pt",
    labels: '["high","low"]',
  });
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
    [{ fan_in_fan_out: true }, /"fan_in_fan_out".*to be false, got true/],
    [{ bias: "all" }, /"bias".*to be "none", got "all"/],
    [{ init_lora_weights: "pissa" }, /"init_lora_weights".*or "gaussian", got "pissa"/],
    [{ layer_replication: [[0, 2]] }, /"layer_replication".*to be null/],
    [{ r: 0 }, /"r".*a whole number of at least 1, got 0/],
    [{ lora_alpha: "8" }, /"lora_alpha".*a number, got "8"/],
    [{ rank_pattern: { q: 1.5 } }, /"rank_pattern\.q".*got 1\.5/],
    [{ alpha_pattern: 3 }, /"alpha_pattern".*an object, got 3/],
    [{ rank_pattern: { "(": 1 } }, /"\(" in adapter_config\.json is not a pattern/],
    [{ modules_to_save: "score" }, /"modules_to_save".*a list of names/],
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
    [extra("q.lora_A.weight"), /"q\.lora_A\.weight": expected a name that starts with/],
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

function numbersOf(files: PeftFiles): Record<string, number[]> {
  const { tensors } = decodeSafetensors(files["adapter_model.safetensors"]);
  return Object.fromEntries(
    [...tensors].map((
      [name, { dtype, bytes }],
    ) => [name, Array.from(toFloat32(dtype, bytes))]),
  );
}
