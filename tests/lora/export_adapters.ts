/**
 * Writes what check_peft.py checks: adapters of the tiny models as exportPeft() writes them, with the logits that the engine computes.
 *
 *     deno run -A tests/lora/export_adapters.ts FOLDER
 */

import { createCpuDevice } from "../../src/engine/cpu/device.ts";
import { packLayout } from "../../src/lora/layout.ts";
import { exportPeft } from "../../src/lora/peft.ts";
import { encodeSafetensors } from "../../src/protocol/safetensors.ts";
import { FAMILIES } from "../models/support.ts";
import {
  B,
  classifierOf,
  goldenAdapter,
  goldenBatches,
  install,
  LABELS,
  logitsOf,
  readTinyModel,
  T,
  type TinyModel,
  withSession,
} from "./support.ts";

if (import.meta.main) {
  const [folder] = Deno.args;
  for (const family of FAMILIES) {
    await exportAdapter(await readTinyModel(family), `${folder}/${family}`, () => true);
  }
  const bert = await readTinyModel("bert");
  await exportAdapter(bert, `${folder}/bert-with-pooler`, (name) => !name.includes("pooler"));
}

/** The golden's adapter with a head that differs from the base's; `has` as for Model.head. */
async function exportAdapter(
  tiny: TinyModel,
  folder: string,
  has: (name: string) => boolean,
): Promise<void> {
  const { model, weights, rank, scale, family } = tiny;
  const { layout } = classifierOf(tiny);
  const headed = packLayout(layout.modules, rank, model.head(LABELS, has));
  const head = headed.head.map(({ name, shape }) => ({
    name,
    shape,
    data: weights.get(name)!.data.map((value, n) => value + 0.2 * Math.sin(n)),
  }));
  const adapter = { ...goldenAdapter(tiny, "stored"), head };
  const [batch] = goldenBatches(tiny);
  const logits = await withSession(createCpuDevice({ threads: 1 }), tiny, async (session) => {
    install(session, adapter);
    return await logitsOf(session, batch);
  }, { layout: headed });
  const files = exportPeft(
    { rank, alpha: scale * rank, modules: adapter.modules, head },
    { baseModel: `tests/golden/${family}`, loraDropout: 0 },
  );
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(`${folder}/adapter_config.json`, files["adapter_config.json"]);
  Deno.writeFileSync(`${folder}/adapter_model.safetensors`, files["adapter_model.safetensors"]);
  const expected = encodeSafetensors([
    { name: "input_ids", shape: [B, T], data: Int32Array.from(batch.ids) },
    { name: "attention_mask", shape: [B, T], data: Int32Array.from(batch.mask) },
    { name: "logits", shape: [B, LABELS], data: logits },
  ]);
  Deno.writeFileSync(`${folder}/expected.safetensors`, expected);
}
