/** Writes a pretrained model in Hugging Face's layout, half precision, with its card and the loss curve. @module */

import { join } from "node:path";
import type { PackedLayout } from "../../lora/layout.ts";
import type { PretrainState } from "../../pretrain/trainer.ts";
import { unpackWeights } from "../../pretrain/weights.ts";
import { encodeSafetensors } from "../../protocol/safetensors.ts";
import { toHalf } from "../../protocol/safetensors_dtype.ts";
import { writeAtomically } from "../write_atomically.ts";
import { modelCard } from "./card.ts";
import { type Metric, partsOf, type PretrainFile } from "./folder.ts";
import { jsonText } from "./json_text.ts";
import { lossReport } from "./loss_report.ts";
import { type TokenizerJson, writeTokenizer } from "./tokenizer_json.ts";

/** What is written. */
export interface ModelExport {
  readonly file: PretrainFile;
  readonly folder: string;
  /** config.json */
  readonly json: Record<string, unknown>;
  readonly tokenizer: TokenizerJson;
  readonly layout: PackedLayout;
  readonly state: PretrainState;
  readonly metrics: readonly Metric[];
}

/** Writes model/ and report.html. */
export async function exportModel(
  { file, folder, json, tokenizer, layout, state, metrics }: ModelExport,
): Promise<void> {
  const parts = partsOf(folder);
  const tensors = unpackWeights(layout, state.parameters).map(({ name, shape, data }) => ({
    name,
    shape,
    data: toHalf(data),
    dtype: "F16" as const,
  }));
  // A length that the tokenizer was saved with is that of another model.
  const { max_length: _, ...settings } = tokenizer.config;
  const config = { ...settings, model_max_length: file.config.tokens };
  await writeTokenizer(parts.model, { tokenizer: tokenizer.tokenizer, config });
  await writeAtomically(join(parts.model, "config.json"), jsonText(json));
  await writeAtomically(
    join(parts.model, "model.safetensors"),
    encodeSafetensors(tensors, { format: "pt" }),
  );
  await writeAtomically(join(parts.model, "README.md"), modelCard(file, tensors, metrics));
  await writeAtomically(parts.report, lossReport(file, metrics));
}
