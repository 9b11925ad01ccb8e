/** A model with what a federation merged into its weights, as Hugging Face's ForSequenceClassification class of its family stores one. @module */

import type { AdapterBank } from "../protocol/bank.ts";
import { encodeSafetensors, type SafetensorsInput } from "../protocol/safetensors.ts";
import { changedWeights } from "./base_changes.ts";
import type { Classifier } from "./classifier.ts";
import { baseTensors, type WeightLoader } from "./load.ts";

/** The files of a model folder, without those of its tokenizer. */
export interface MergedModelFiles {
  /** Its JSON text. */
  readonly "config.json": string;
  /** Its bytes: every tensor that the model computes with, and the head, in single precision. */
  readonly "model.safetensors": Uint8Array;
}

/** What {@linkcode exportMergedModel} needs. */
export interface MergedModel {
  /** Architecture, adapted modules and head. */
  readonly classifier: Classifier;
  /** The base's weights, as the run was started with. */
  readonly weights: WeightLoader;
  /** The head, and what was merged; the bank's components are not part of it. */
  readonly bank: Pick<AdapterBank, "head" | "merged">;
  /** The base's parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The label set, in the order of the logits. */
  readonly labels: readonly string[];
}

/**
 * Puts a merged model together, the same bytes for the same run. All of it is in memory at a time, twice.
 *
 * @throws what `weights.load` throws.
 */
export async function exportMergedModel(
  { classifier, weights, bank, config, labels }: MergedModel,
): Promise<MergedModelFiles> {
  const merged = changedWeights(weights, classifier.layout.modules, bank.merged?.changes);
  const tensors: SafetensorsInput[] = [];
  for (const [name, shape] of baseTensors(classifier)) {
    tensors.push({ name, shape, data: await merged.load(name, shape) });
  }
  return {
    "config.json": JSON.stringify(classifierConfig(config, labels), null, 2) + "\n",
    "model.safetensors": encodeSafetensors([...tensors, ...bank.head], { format: "pt" }),
  };
}

/** The base's config.json with the labels, the class that takes the head, and the precision of the file. */
function classifierConfig(
  { architectures, ...config }: MergedModel["config"],
  labels: readonly string[],
): Record<string, unknown> {
  const [base]: unknown[] = Array.isArray(architectures) ? architectures : [];
  return {
    ...(typeof base === "string" && { architectures: [sequenceClass(base)] }),
    ...config,
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    problem_type: "single_label_classification",
    torch_dtype: "float32",
  };
}

/** Classes are called after their model and what is on top of it: "BertModel" and "BertForMaskedLM" give "BertForSequenceClassification". */
function sequenceClass(architecture: string): string {
  return architecture.replace(/(For|Model|LMHead).*$/, "") + "ForSequenceClassification";
}
