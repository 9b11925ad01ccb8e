/**
 * Writes what check_peft.py checks: adapters of the tiny models as exportPeft() writes them in both layouts, with the logits that the engine computes, or
 * the loss of a language model, and the models that mergeAdapter() makes of them.
 *
 *     deno run -A tests/lora/export_adapters.ts FOLDER
 */

import { makeTokenBatch } from "../../src/data/token_batches.ts";
import { tokenRows } from "../../src/data/token_rows.ts";
import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { evaluateTokens } from "../../src/lora/evaluate.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { mergeAdapter } from "../../src/lora/merge_adapter.ts";
import { fitAdapter } from "../../src/lora/peft_fit.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { type PeftLayout, peftLayouts } from "../../src/lora/peft_layout.ts";
import type { InstalledAdapter } from "../../src/lora/session.ts";
import { encodeSafetensors, type SafetensorsInput } from "../../src/protocol/safetensors.ts";
import { FAMILIES } from "../models/support.ts";
import { readContents } from "../weights/memory_files.ts";
import {
  B,
  classifierOf,
  exportTiny,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  languageModelOf,
  logitsOf,
  readTinyModel,
  T,
  type TinyModel,
  weightsOf,
  withLowerRanks,
  withSession,
} from "./support.ts";

/** Decoders whose output layer is their table of embeddings; Llama's would be a tensor that its tiny checkpoint lacks. */
const TIED = ["llama3", "qwen2", "qwen3", "gemma", "gpt2"];

if (import.meta.main) {
  const [folder] = Deno.args;
  for (const adapterLayout of peftLayouts) {
    for (const family of FAMILIES) {
      const tiny = await readTinyModel(family);
      await exportClassifier(tiny, `${folder}/${family}-${adapterLayout}`, adapterLayout);
    }
    for (const family of TIED) {
      const tiny = await readTinyModel(family);
      await exportLanguageModel(tiny, `${folder}/${family}-causal-${adapterLayout}`, adapterLayout);
    }
  }
  const bert = await readTinyModel("bert");
  const pooled = (name: string) => !name.includes("pooler");
  await exportClassifier(bert, `${folder}/bert-with-pooler`, "uniform", pooled);
}

/** With a head that differs from the base's; `has` as for Model.head. */
async function exportClassifier(
  tiny: TinyModel,
  folder: string,
  adapterLayout: PeftLayout,
  has: (name: string) => boolean = () => true,
): Promise<void> {
  const { model, weights, rank } = tiny;
  const { layout } = classifierOf(tiny);
  const headed = packLayout(layout.modules, rank, model.head(LABELS, has));
  const head = headed.head.map(({ name, shape }) => ({
    name,
    shape,
    data: weights.get(name)!.data.map((value, n) => value + 0.2 * Math.sin(n)),
  }));
  const adapter = { ...lowerRanked(tiny), head };
  const [batch] = goldenBatches(tiny);
  const logits = await withSession(createCpuDevice({ threads: 1 }), tiny, async (session) => {
    install(session, adapter);
    return await logitsOf(session, batch);
  }, { layout: headed });
  const expected: SafetensorsInput[] = [
    { name: "input_ids", shape: [B, T], data: Float32Array.from(batch.ids) },
    { name: "attention_mask", shape: [B, T], data: Float32Array.from(batch.mask) },
    { name: "logits", shape: [B, LABELS], data: logits },
  ];
  await writeExport({ tiny, adapter, folder, adapterLayout, has, expected });
}

/** The loss is that of the golden's batch, every token but the first of a row learned. */
async function exportLanguageModel(
  tiny: TinyModel,
  folder: string,
  adapterLayout: PeftLayout,
): Promise<void> {
  const adapter = { ...lowerRanked(tiny), head: [] };
  const [{ ids, mask }] = goldenBatches(tiny);
  const texts = Array.from({ length: B }, (_, b) => {
    const length = mask.subarray(b * T, (b + 1) * T).indexOf(0);
    const own = ids.slice(b * T, b * T + (length === -1 ? T : length));
    return { ids: own, learned: new Uint8Array(own.length).fill(1) };
  });
  const rows = tokenRows(texts, T, { packed: false });
  const batch = makeTokenBatch(rows, B, [T], 0, 1);
  const { tokens, loss } = await withSession(
    createCpuDevice({ threads: 1 }),
    tiny,
    async (session) => {
      install(session, adapter);
      return await evaluateTokens(session, [batch]);
    },
    languageModelOf(tiny),
  );
  const labels = Float32Array.from(batch.ids, (id, at) => batch.mask[at] === 0 ? -100 : id);
  const expected: SafetensorsInput[] = [
    { name: "input_ids", shape: [B, T], data: Float32Array.from(batch.ids) },
    { name: "attention_mask", shape: [B, T], data: Float32Array.from(batch.mask) },
    { name: "labels", shape: [B, T], data: labels },
    { name: "loss", shape: [1], data: Float32Array.of(loss / tokens) },
  ];
  await writeExport({ tiny, adapter, folder, adapterLayout, has: () => true, expected });
}

/** The golden's adapter, every other module of a lower rank. */
function lowerRanked(tiny: TinyModel): InstalledAdapter {
  const stored = goldenAdapter(tiny, "stored");
  return { ...stored, modules: withLowerRanks(stored.modules, tiny.rank) };
}

interface Export {
  readonly tiny: TinyModel;
  readonly adapter: InstalledAdapter;
  readonly folder: string;
  readonly adapterLayout: PeftLayout;
  readonly has: (name: string) => boolean;
  /** Inputs, and what the engine computes from them. */
  readonly expected: readonly SafetensorsInput[];
}

async function writeExport(
  { tiny, adapter, folder, adapterLayout, has, expected }: Export,
): Promise<void> {
  const { model, config, family } = tiny;
  const files = exportTiny(tiny, adapter, {
    baseModel: `tests/golden/${family}`,
    layout: adapterLayout,
  });
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(`${folder}/adapter_config.json`, files["adapter_config.json"]);
  Deno.writeFileSync(`${folder}/adapter_model.safetensors`, files["adapter_model.safetensors"]);
  Deno.writeFileSync(`${folder}/expected.safetensors`, encodeSafetensors(expected));
  const stock = weightsOf(tiny);
  const base = { ...stock, has: (name: string) => stock.has(name) && has(name) };
  const merged = mergeAdapter({
    model,
    weights: base,
    adapter: fitAdapter(importPeft(files), { label: family, model, weights: base }),
    config,
  });
  Deno.mkdirSync(`${folder}/merged`, { recursive: true });
  for (const [path, bytes] of Object.entries(await readContents(merged))) {
    Deno.writeFileSync(`${folder}/merged/${path}`, bytes);
  }
}
