/** Adapters on disk, and texts to evaluate them on. */

import { join } from "node:path";
import { exportPeft, type PeftSettings } from "../../../src/lora/peft.ts";
import type { Model } from "../../../src/models/mod.ts";
import { createBank, type NamedTensor } from "../../../src/protocol/bank.ts";

/** Values of head tensors that are not zero, by name. */
export type HeadValues = Readonly<Record<string, readonly number[]>>;

/** Writes an adapter of rank 2 on a model's attention, every element of B the same; with a head of so many classes, or none; the checkpoint has what is below it. */
export async function writeAdapter(
  folder: string,
  model: Model,
  { b, head = {}, classes = 0, ...settings }:
    & { readonly b: number; readonly head?: HeadValues; readonly classes?: number }
    & Partial<PeftSettings>,
): Promise<string> {
  const modules = model.modules.filter(({ name }) => model.defaultTargets.test(name));
  const tensors = classes === 0 ? [] : model.head(classes, () => true).map((
    { name, shape },
  ): NamedTensor => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    data.set(head[name] ?? []);
    return { name, shape, data };
  });
  const bank = createBank({ modules, rank: 2, alpha: 2, seed: 1, head: tensors });
  for (const module of bank.modules) module.b.fill(b);
  const files = exportPeft(bank, { baseModel: "some/base", loraDropout: 0, ...settings });
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "adapter_config.json"), files["adapter_config.json"]);
  const bytes = files["adapter_model.safetensors"];
  await Deno.writeFile(join(folder, "adapter_model.safetensors"), bytes);
  return folder;
}

/** Writes rows as JSON Lines. */
export async function writeRows(path: string, rows: readonly object[]): Promise<string> {
  await Deno.writeTextFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}
