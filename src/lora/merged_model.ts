/** A model with what a federation merged into its weights, as Hugging Face's class of its family for sequence classification, or as a language model, stores one. @module */

import type { AdapterBank } from "../protocol/bank.ts";
import type { CheckpointFiles, CheckpointLayout } from "../weights/mod.ts";
import { changedWeights } from "./base_changes.ts";
import { baseTensors } from "./base_tensors.ts";
import type { AdaptedModel } from "./adapted_model.ts";
import type { WeightLoader } from "./load.ts";
import { classifierConfig, defaultCheckpointLayout, modelFiles } from "./merged_files.ts";

/** What {@linkcode exportMergedModel} needs. */
export interface MergedModel {
  /** Architecture, adapted modules and head. */
  readonly adapted: AdaptedModel;
  /** The base's weights, as the run was started with. */
  readonly weights: WeightLoader;
  /** The head, and what was merged; the bank's components are not part of it. */
  readonly bank: Pick<AdapterBank, "head" | "merged">;
  /** The base's parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The label set, in the order of the logits; not looked at of a language model. */
  readonly labels: readonly string[];
}

/**
 * The files of a model folder, without those of its tokenizer: every tensor that the model computes with, and the head, with what a run merged. The
 * same bytes for the same run; one tensor is in memory at a time, beside the changes.
 *
 * Reading the files throws what `weights.load` throws.
 */
export function exportMergedModel(
  { adapted, weights, bank: { head, merged }, config, labels }: MergedModel,
  layout: CheckpointLayout = defaultCheckpointLayout,
): CheckpointFiles {
  const { model, labels: classes, layout: { modules } } = adapted;
  return modelFiles(
    baseTensors(model, classes, head),
    changedWeights(weights, modules, merged?.changes),
    head,
    classes === undefined ? config : classifierConfig(config, labels),
    layout,
  );
}
