/** Rows as the batches that a session's programs take. @module */

import { inGroups, makeBatch, maskedPoolingWeights, type Pooling } from "../data/batches.ts";
import { makeTokenBatch } from "../data/token_batches.ts";
import { countPredictions } from "../data/token_rows.ts";
import type { Batch, ModelRow, TokenizedSample, TokenRow } from "../data/types.ts";
import type { ClassifierBatch, LanguageModelBatch } from "../lora/session.ts";

/** How rows become batches. */
export interface BatchSettings {
  /** Bucket lengths T, ascending. */
  readonly buckets: readonly number[];
  /** Token id that fills the masked end of short rows. */
  readonly padId: number;
  /** How a row's token states [T, C] become one vector [C]; of classifiers. */
  readonly pooling: Pooling;
}

/** Whether rows are a language model's. */
export function areTokenRows(rows: readonly ModelRow[]): rows is readonly TokenRow[] {
  return rows.every((row) => "learned" in row);
}

/** Whether rows are a classifier's. */
export function areLabelled(rows: readonly ModelRow[]): rows is readonly TokenizedSample[] {
  return rows.every((row) => "label" in row);
}

/** Predictions that a language model makes in rows; none in a classifier's. */
export function predictionsIn(rows: readonly ModelRow[]): number {
  return rows.reduce((sum, row) => sum + ("learned" in row ? countPredictions(row) : 0), 0);
}

/** The batches of a step, of `B` rows each: every row, or every prediction of a language model, has the same weight, and all weights sum to 1. */
export function stepBatches(
  rows: readonly ModelRow[],
  B: number,
  settings: BatchSettings,
): (ClassifierBatch | LanguageModelBatch)[] {
  if (areTokenRows(rows)) {
    return [...tokenBatches(rows, B, settings, 1 / predictionsIn(rows))];
  }
  return [...labelBatches(requireLabelled(rows), B, settings, rows.length)];
}

/** Every row once, in order, for evaluation. */
export function labelBatches(
  rows: readonly TokenizedSample[],
  B: number,
  { buckets, padId, pooling }: BatchSettings,
  total?: number,
): Iterable<ClassifierBatch> {
  return inGroups(rows, B)
    .map((group) => withPooling(makeBatch(group, B, buckets, padId, total), pooling));
}

/** Every row once, in order; each prediction weighs `weight`. */
export function tokenBatches(
  rows: readonly TokenRow[],
  B: number,
  { buckets, padId }: BatchSettings,
  weight = 1,
): Iterable<LanguageModelBatch> {
  return inGroups(rows, B).map((group) => makeTokenBatch(group, B, buckets, padId, weight));
}

/** A batch with the pooling weights its model asks for. */
export function withPooling(batch: Batch, pooling: Pooling): ClassifierBatch {
  return { ...batch, poolWeights: maskedPoolingWeights(batch, pooling) };
}

/**
 * Rows that are a classifier's.
 *
 * @throws TypeError where they are not.
 */
export function requireLabelled(rows: readonly ModelRow[]): readonly TokenizedSample[] {
  if (areLabelled(rows)) return rows;
  throw new TypeError("Cannot classify rows: expected labels, got rows of a language model");
}
