import assert from "node:assert/strict";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { changedWeights, installBase } from "../../src/lora/base_changes.ts";
import { exportMergedModel } from "../../src/lora/merged_model.ts";
import { deltaWeight } from "../../src/protocol/components.ts";
import { decodeSafetensors } from "../../src/protocol/safetensors.ts";
import { FAMILIES } from "../models/support.ts";
import { readContents } from "../weights/memory_files.ts";
import {
  classifierOf,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readTinyModel,
  readWritten,
  type TinyModel,
  weightsOf,
  withSession,
} from "./support.ts";

const cpu = createCpuDevice({ threads: 1 });
const labels = ["low", "middle", "high"];

function checkpointOf({ family }: TinyModel): Uint8Array {
  return Deno.readFileSync(new URL(`../golden/${family}/model.safetensors`, import.meta.url));
}

/** Names and shapes of a file's tensors, as they are stored. */
function shapesOf(file: Uint8Array): Record<string, readonly number[]> {
  const { tensors } = decodeSafetensors(file);
  return Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]).sort());
}

function jsonOf(files: Record<string, Uint8Array>, path: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files[path]));
}

/** The tiny model with the golden's adapter merged into it, and the golden's head. */
async function merge(
  tiny: TinyModel,
  config = tiny.config,
): Promise<{ files: Record<string, Uint8Array>; changes: Float32Array[] }> {
  const { modules, head } = goldenAdapter(tiny, "stored");
  const changes = modules.map((module) => Float32Array.from(deltaWeight(module, tiny.scale)));
  const files = exportMergedModel({
    adapted: classifierOf(tiny),
    weights: weightsOf(tiny),
    bank: { head, merged: { changes } },
    config,
    labels,
  });
  return { files: await readContents(files), changes };
}

for (const family of FAMILIES) {
  Deno.test(`exportMergedModel() writes ${family} whole, with what was merged, under its checkpoint's names`, async () => {
    const tiny = await readTinyModel(family);
    const { files, changes } = await merge(tiny);
    const written = await readWritten(tiny, files);
    assert.deepEqual(shapesOf(files["model.safetensors"]), shapesOf(checkpointOf(tiny)));

    const logits = (model: TinyModel, changes: Float32Array[] | undefined) =>
      withSession(cpu, model, async (session) => {
        install(session, goldenAdapter(model, "zero"));
        await installBase(session, weightsOf(model), changes);
        return await logitsOf(session, goldenBatches(model)[0]);
      });
    assert.deepEqual(await logits(written, undefined), await logits(tiny, changes));
    assert.equal(LABELS, labels.length);
  });
}

Deno.test("exportMergedModel() names labels, class and precision in config.json, and keeps the rest", async () => {
  const tiny = await readTinyModel("bert");
  const base = { ...tiny.config, architectures: ["BertForMaskedLM"], torch_dtype: "float16" };
  const { files } = await merge(tiny, base);
  const config = jsonOf(files, "config.json");
  assert.deepEqual(config, {
    ...base,
    architectures: ["BertForSequenceClassification"],
    id2label: { 0: "low", 1: "middle", 2: "high" },
    label2id: { low: 0, middle: 1, high: 2 },
    problem_type: "single_label_classification",
    torch_dtype: "float32",
  });
  const { architectures: _, ...unnamed } = base;
  const without = await merge(tiny, unnamed);
  assert.equal(jsonOf(without.files, "config.json").architectures, undefined);
  const { metadata, tensors } = decodeSafetensors(files["model.safetensors"]);
  assert.equal(metadata.format, "pt");
  assert.ok([...tensors.values()].every(({ dtype }) => dtype === "F32"));
});

Deno.test("exportMergedModel() writes the base as it is where nothing was merged", async () => {
  const tiny = await readTinyModel("llama");
  const weights = weightsOf(tiny);
  const adapted = classifierOf(tiny);
  const { head } = goldenAdapter(tiny, "zero");
  const { config } = tiny;
  const files = await readContents(
    exportMergedModel({ adapted, weights, bank: { head }, config, labels }),
  );
  const { modules } = adapted.layout;
  assert.equal(changedWeights(weights, modules, undefined), weights);
  const { tensors } = decodeSafetensors(files["model.safetensors"]);
  for (const [name, { bytes }] of tensors) {
    assert.deepEqual(new Float32Array(bytes.slice().buffer), tiny.weights.get(name)!.data, name);
  }
});
