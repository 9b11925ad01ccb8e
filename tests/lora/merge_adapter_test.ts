import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { mergeAdapter } from "../../src/lora/merge_adapter.ts";
import { mergeDelta } from "../../src/lora/merge.ts";
import { openModelWeights } from "../../src/lora/model_weights.ts";
import type { PeftSettings } from "../../src/lora/peft.ts";
import { fitAdapter, type FittedAdapter } from "../../src/lora/peft_fit.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import type { InstalledAdapter } from "../../src/lora/session.ts";
import { allComponents, scatterComponents } from "../../src/protocol/components.ts";
import { decodeSafetensors } from "../../src/protocol/safetensors.ts";
import type { CheckpointLayout } from "../../src/weights/mod.ts";
import { readModel } from "../../src/models/mod.ts";
import { FAMILIES, readValues } from "../models/support.ts";
import { memoryFiles, readContents } from "../weights/memory_files.ts";
import {
  classifierOf,
  exportTiny,
  goldenAdapter,
  goldenBatches,
  install,
  logitsOf,
  readTinyModel,
  readWritten,
  type TinyModel,
  weightsOf,
  withLowerRanks,
  withSession,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const layout: CheckpointLayout = { dtype: "f32", shardBytes: 1e9 };

/** The golden's adapter without its last component in every other module, and with a head of its own. */
function trainedAdapter(tiny: TinyModel): InstalledAdapter {
  const stored = goldenAdapter(tiny, "stored");
  return {
    ...stored,
    modules: withLowerRanks(stored.modules, tiny.rank),
    head: stored.head.map((tensor) => ({ ...tensor, data: tensor.data.map((x) => x + 0.1) })),
  };
}

/** An adapter that went through PEFT's files. */
function travelled(
  tiny: TinyModel,
  adapter: InstalledAdapter,
  settings: Partial<PeftSettings> = {},
): FittedAdapter {
  const { family: label, model } = tiny;
  const files = exportTiny(tiny, adapter, settings);
  return fitAdapter(importPeft(files), { label, model, weights: weightsOf(tiny) });
}

/** Logits of the first batch with an adapter of scale `scale` and the tiny model's rank. */
async function logitsWith(
  tiny: TinyModel,
  adapter: Pick<InstalledAdapter, "modules" | "head">,
  scale: number,
): Promise<Float32Array> {
  const [batch] = goldenBatches(tiny);
  const order = classifierOf(tiny).layout;
  const found = <Part extends { name: string }>(parts: readonly Part[], name: string) =>
    parts.find((part) => part.name === name)!;
  return await withSession(cpu, tiny, async (session) => {
    install(session, {
      ...goldenAdapter(tiny, "zero"),
      modules: order.modules.map(({ name }) => found(adapter.modules, name)),
      head: order.head.map(({ name }) => found(adapter.head, name)),
    });
    return await logitsOf(session, batch);
  }, { scale });
}

for (const family of FAMILIES) {
  Deno.test(`an adapter of ${family} computes the same logits after export and import`, async () => {
    const tiny = await readTinyModel(family);
    const trained = trainedAdapter(tiny);
    const expected = await logitsWith(tiny, trained, tiny.scale);
    const uniform = travelled(tiny, trained);
    assert.equal(Math.log2(tiny.scale) % 1, 0, "a power of two, so that s·B is exact");
    assert.deepEqual(await logitsWith(tiny, uniform, 1), expected);

    const compact = travelled(tiny, trained, { layout: "compact" });
    const ranks = compact.modules.map(({ b }, m) => [b.length, uniform.modules[m].b.length]);
    assert.ok(ranks.every(([small, whole]) => small <= whole));
    // Of the rank of the session's programs again.
    const padded = compact.modules.map((module) =>
      scatterComponents(module, tiny.rank, allComponents(compact.rank), module)
    );
    const logits = await logitsWith(tiny, { ...compact, modules: padded }, 1);
    logits.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5));
  });

  Deno.test(`mergeAdapter() makes ${family} a model that computes what the adapter does`, async () => {
    const tiny = await readTinyModel(family);
    const trained = trainedAdapter(tiny);
    const adapter = travelled(tiny, trained);
    const { model, config } = tiny;
    const merged = await readContents(
      mergeAdapter({ model, weights: weightsOf(tiny), adapter, config }, layout),
    );
    const written = await readWritten(tiny, merged);
    const { modules, head } = goldenAdapter(written, "zero");
    const logits = await logitsWith(written, { modules, head }, 1);
    const expected = await logitsWith(tiny, trained, tiny.scale);
    const plain = await logitsWith(tiny, { modules, head }, 1);
    logits.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4));
    assert.ok(plain.some((value, i) => Math.abs(value - expected[i]) > 1e-2), "they differ");
  });

  Deno.test(`mergeAdapter() keeps ${family} the model it is where the adapter has no head`, async () => {
    const tiny = await readTinyModel(family);
    const adapter = travelled(tiny, { ...trainedAdapter(tiny), head: [] });
    const config = { ...tiny.config, dtype: "float16" };
    const { model } = tiny;
    const merged = await readContents(
      mergeAdapter({ model, weights: weightsOf(tiny), adapter, config }, layout),
    );
    const written = JSON.parse(new TextDecoder().decode(merged["config.json"]));
    assert.deepEqual(written, { ...tiny.config, torch_dtype: "float32" });
    const head = new Set(goldenAdapter(tiny, "zero").head.map(({ name }) => name));
    const { tensors } = decodeSafetensors(merged["model.safetensors"]);
    assert.deepEqual(
      [...tensors.keys()].sort(),
      // Hidden states do without the pooler.
      [...tiny.weights.keys()].filter((name) => !head.has(name) && !name.includes("pooler")).sort(),
    );
    const stored = readValues(new URL(`../golden/${family}/model.safetensors`, import.meta.url));
    const weights = await openModelWeights(memoryFiles(merged), model);
    const changed = new Map(adapter.modules.map((module) => [`${module.name}.weight`, module]));
    for (const [name, { shape }] of tensors) {
      assert.deepEqual(shape, stored.get(name)!.shape, name);
      const module = changed.get(name);
      const base = tiny.weights.get(name)!;
      const expected = module === undefined ? base.data : mergeDelta(base.data, module, 1);
      assert.deepEqual(await weights.load(name, base.shape), expected, name);
    }
  });
}

Deno.test("mergeAdapter() names the labels: the adapter's, else the base's, else numbers", async () => {
  const tiny = await readTinyModel("llama");
  const trained = trainedAdapter(tiny);
  const labelsOf = (given: Partial<PeftSettings>, config: Record<string, unknown>) => {
    const adapter = travelled(tiny, trained, given);
    const all = { ...tiny.config, ...config };
    const { model } = tiny;
    const files = mergeAdapter({ model, weights: weightsOf(tiny), adapter, config: all }, {
      dtype: "bf16",
      shardBytes: 1e9,
    });
    const written = JSON.parse(files["config.json"] as string);
    assert.equal(written.torch_dtype, "bfloat16");
    return Object.values(written.id2label);
  };
  const id2label = { 2: "c", 1: "b", 0: "a" };
  assert.deepEqual(labelsOf({ labels: ["x", "y", "z"] }, { id2label }), ["x", "y", "z"]);
  assert.deepEqual(labelsOf({}, { id2label }), ["a", "b", "c"]);
  assert.deepEqual(labelsOf({}, { id2label: { 0: "a" } }), ["LABEL_0", "LABEL_1", "LABEL_2"]);
});

Deno.test("mergeAdapter() saves base weights that the adapter replaces", async () => {
  const tiny = await readTinyModel("llama");
  const norm = tiny.weights.get("model.norm.weight")!;
  const saved = { name: "model.norm.weight", shape: norm.shape, data: norm.data.map((x) => 2 * x) };
  const stored = goldenAdapter(tiny, "stored");
  const adapter = travelled(tiny, { ...stored, head: [...stored.head, saved] });
  const { model, config } = tiny;
  const files = await readContents(
    mergeAdapter({ model, weights: weightsOf(tiny), adapter, config }, layout),
  );
  const { bytes } = decodeSafetensors(files["model.safetensors"]).tensors.get(saved.name)!;
  assert.deepEqual(new Float32Array(bytes.slice().buffer), saved.data);
});

Deno.test("mergeAdapter() refuses a head of its own where the model's is tied to its embeddings", async () => {
  const tiny = await readTinyModel("llama");
  const config = { ...tiny.config, tie_word_embeddings: true };
  const model = readModel(config);
  const table = tiny.weights.get("model.embed_tokens.weight")!;
  const head = [{ name: "lm_head.weight", ...table }];
  const adapter = { ...travelled(tiny, { ...trainedAdapter(tiny), head: [] }), head };
  assert.throws(() => mergeAdapter({ model, weights: weightsOf(tiny), adapter, config }), {
    name: "PeftError",
    message:
      'Cannot merge the adapter: it saves "lm_head.weight", which the model has tied to its embeddings',
  });
});
