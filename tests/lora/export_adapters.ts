/**
 * Writes what check_peft.py checks: adapters of the tiny models as exportPeft() writes them in both layouts, with the logits that the engine computes,
 * and the models that mergeAdapter() makes of them.
 *
 *     deno run -A tests/lora/export_adapters.ts FOLDER
 */

import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { mergeAdapter } from "../../src/lora/merge_adapter.ts";
import { fitAdapter } from "../../src/lora/peft_fit.ts";
import { importPeft } from "../../src/lora/peft_import.ts";
import { type PeftLayout, peftLayouts } from "../../src/lora/peft_layout.ts";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
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
  logitsOf,
  readTinyModel,
  T,
  type TinyModel,
  weightsOf,
  withLowerRanks,
  withSession,
} from "./support.ts";

if (import.meta.main) {
  const [folder] = Deno.args;
  for (const family of FAMILIES) {
    for (const layout of peftLayouts) {
      const tiny = await readTinyModel(family);
      await exportAdapter(tiny, `${folder}/${family}-${layout}`, layout, () => true);
    }
  }
  const bert = await readTinyModel("bert");
  const pooled = (name: string) => !name.includes("pooler");
  await exportAdapter(bert, `${folder}/bert-with-pooler`, "uniform", pooled);
}

/** The golden's adapter, every other module of a lower rank, with a head that differs from the base's; `has` as for Model.head. */
async function exportAdapter(
  tiny: TinyModel,
  folder: string,
  adapterLayout: PeftLayout,
  has: (name: string) => boolean,
): Promise<void> {
  const { model, weights, config, rank, family } = tiny;
  const { layout } = classifierOf(tiny);
  const headed = packLayout(layout.modules, rank, model.head(LABELS, has));
  const head = headed.head.map(({ name, shape }) => ({
    name,
    shape,
    data: weights.get(name)!.data.map((value, n) => value + 0.2 * Math.sin(n)),
  }));
  const stored = goldenAdapter(tiny, "stored");
  const adapter = { ...stored, modules: withLowerRanks(stored.modules, rank), head };
  const [batch] = goldenBatches(tiny);
  const logits = await withSession(createCpuDevice({ threads: 1 }), tiny, async (session) => {
    install(session, adapter);
    return await logitsOf(session, batch);
  }, { layout: headed });
  const files = exportTiny(tiny, adapter, {
    baseModel: `tests/golden/${family}`,
    layout: adapterLayout,
  });
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(`${folder}/adapter_config.json`, files["adapter_config.json"]);
  Deno.writeFileSync(`${folder}/adapter_model.safetensors`, files["adapter_model.safetensors"]);
  const expected = encodeSafetensors([
    { name: "input_ids", shape: [B, T], data: Float32Array.from(batch.ids) },
    { name: "attention_mask", shape: [B, T], data: Float32Array.from(batch.mask) },
    { name: "logits", shape: [B, LABELS], data: logits },
  ]);
  Deno.writeFileSync(`${folder}/expected.safetensors`, expected);
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
