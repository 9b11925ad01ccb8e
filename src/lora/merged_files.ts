/** The files of a model in whose weights something is merged, in Hugging Face's layout. @module */

import { isTransposed } from "../models/mod.ts";
import type { NamedTensor } from "../protocol/bank.ts";
import {
  type CheckpointDtype,
  type CheckpointFiles,
  checkpointFiles,
  type CheckpointLayout,
  type WeightSource,
} from "../weights/mod.ts";
import { transpose } from "../weights/transpose.ts";
import type { WeightLoader } from "./load.ts";

/** One file of weights in single precision up to a size that every file system takes. */
export const defaultCheckpointLayout: CheckpointLayout = { dtype: "f32", shardBytes: 2e9 };

/**
 * The files of a model folder but for its tokenizer's: tensors as `weights` has them, those of `head` in place of them or beside them, and the config.
 * A weight that the family's checkpoints store transposed is stored so.
 */
export function modelFiles(
  tensors: ReadonlyMap<string, readonly number[]>,
  weights: WeightLoader,
  head: readonly NamedTensor[],
  config: Readonly<Record<string, unknown>>,
  layout: CheckpointLayout,
): CheckpointFiles {
  const saved = new Map(head.map((tensor) => [tensor.name, tensor]));
  const shapes = new Map([...tensors, ...head.map(({ name, shape }) => [name, shape] as const)]);
  const stored = new Map([...shapes].map(([name, shape]) => [
    name,
    isTransposed(name) ? shape.toReversed() : shape,
  ]));
  const load: WeightSource["load"] = async (name) => {
    const shape = shapes.get(name)!;
    const data = saved.get(name)?.data ?? await weights.load(name, shape);
    return isTransposed(name) ? transpose(data, shape[0], shape[1]) : data;
  };
  return {
    "config.json": JSON.stringify(storedAs(config, layout.dtype), null, 2) + "\n",
    ...checkpointFiles(stored, load, layout),
  };
}

const torchDtypes: Readonly<Record<CheckpointDtype, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
};

/** A config.json that tells the format of the weights. transformers 5 writes "dtype" and reads either name. */
function storedAs(
  { dtype: _, ...config }: Readonly<Record<string, unknown>>,
  dtype: CheckpointDtype,
): Record<string, unknown> {
  return { ...config, torch_dtype: torchDtypes[dtype] };
}

/** The base's config.json with the labels, and the class that takes the head. */
export function classifierConfig(
  { architectures, ...config }: Readonly<Record<string, unknown>>,
  labels: readonly string[],
): Record<string, unknown> {
  const [base]: unknown[] = Array.isArray(architectures) ? architectures : [];
  return {
    ...(typeof base === "string" && { architectures: [sequenceClass(base)] }),
    ...config,
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    problem_type: "single_label_classification",
  };
}

/** Classes are called after their model and what is on top of it: "BertModel" and "BertForMaskedLM" give "BertForSequenceClassification". */
function sequenceClass(architecture: string): string {
  return architecture.replace(/(For|Model|LMHead).*$/, "") + "ForSequenceClassification";
}
