/**
 * An adapter merged into the weights of its base.
 *
 * Merging is undone by reading the base again, as `installBase` does on a device: subtracting the change would leave its rounding behind.
 *
 * @module
 */

import type { Model } from "../models/mod.ts";
import type { CheckpointFiles, CheckpointLayout, WeightSource } from "../weights/mod.ts";
import { baseTensors, languageModelTensors } from "./base_tensors.ts";
import type { WeightLoader } from "./load.ts";
import { mergeDelta } from "./merge.ts";
import { classifierConfig, defaultCheckpointLayout, modelFiles } from "./merged_files.ts";
import { PeftError } from "./peft.ts";
import type { FittedAdapter } from "./peft_fit.ts";

/** What {@linkcode mergeAdapter} needs. */
export interface AdapterMerge {
  /** The base's architecture. */
  readonly model: Model;
  /** The base's weights. */
  readonly weights: Pick<WeightSource, "has" | "load">;
  /** The adapter, as `fitAdapter` has found it to be the model's. */
  readonly adapter: FittedAdapter;
  /** The base's parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * The files of a model folder, without those of its tokenizer: every tensor that the model computes with, and what the adapter saves beside its
 * components. W0 + s·B·A is summed in double precision and rounded once to single, and once more to the file's format.
 *
 * A classifier has the labels that the adapter tells, else those of the base where it has as many, else LABEL_0 and so on.
 *
 * Reading the files throws WeightsError naming a tensor with a number beyond the format's range, and what `weights.load` throws.
 *
 * @throws PeftError when the adapter saves an output layer that the model has tied to its embeddings.
 */
export function mergeAdapter(
  { model, weights, adapter, config }: AdapterMerge,
  layout: CheckpointLayout = defaultCheckpointLayout,
): CheckpointFiles {
  const { classes, rank, alpha, modules, head } = adapter;
  const byWeight = new Map(modules.map((module) => [`${module.name}.weight`, module]));
  const merged: WeightLoader = {
    async load(name, shape) {
      const weight = await weights.load(name, shape);
      const module = byWeight.get(name);
      return module === undefined ? weight : mergeDelta(weight, module, alpha / rank);
    },
  };
  if (classes === undefined) {
    checkUntied(model, head);
    return modelFiles(languageModelTensors(model, weights.has), merged, head, config, layout);
  }
  const tensors = baseTensors(model, classes, model.head(classes, weights.has));
  const labels = adapter.labels ?? baseLabels(config, classes);
  return modelFiles(tensors, merged, head, classifierConfig(config, labels), layout);
}

/** An output layer of its own would be passed over by whoever reads that the model's is tied to its embeddings. */
function checkUntied({ tied }: Model, head: FittedAdapter["head"]): void {
  const saved = head.find(({ name }) => Object.values(tied).includes(name));
  if (saved === undefined) return;
  throw new PeftError(
    `Cannot merge the adapter: it saves "${saved.name}", which the model has tied to its embeddings`,
  );
}

function baseLabels(config: AdapterMerge["config"], classes: number): readonly string[] {
  return configLabels(config, classes) ??
    Array.from({ length: classes }, (_, id) => `LABEL_${id}`);
}

/** The label set that a config.json tells, in the order of the logits; undefined where it does not tell one of that many. */
export function configLabels(
  { id2label }: AdapterMerge["config"],
  classes: number,
): readonly string[] | undefined {
  const named = Object.entries(id2label ?? {}).sort(([one], [other]) => Number(one) - Number(other))
    .map(([, label]) => String(label));
  return named.length === classes ? named : undefined;
}
