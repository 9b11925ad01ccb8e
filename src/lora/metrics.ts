/** How well a classifier does, from counts alone. @module */

/** [labels, labels] rows of each label (first index) that were taken for each label (second index). */
export type Confusion = readonly (readonly number[])[];

/** How well one label is told from the others; each figure in 0..1. */
export interface LabelScore {
  /** Share of the rows taken for the label that are of it. */
  readonly precision: number;
  /** Share of the label's rows that were taken for it. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
  /** Rows of the label. */
  readonly support: number;
}

/** How well a classifier does. */
export interface ClassificationScore {
  /** Rows in all. */
  readonly rows: number;
  /** Share of the rows that were taken for their own label. */
  readonly accuracy: number;
  /** Mean F1 over the labels that occur. */
  readonly macroF1: number;
  /** In the order of the label set. */
  readonly perLabel: readonly LabelScore[];
}

/**
 * Scores a confusion table as scikit-learn's `precision_recall_fscore_support` does with `zero_division=0`: a share of no rows is 0, so a label that
 * is never predicted has precision 0 and one without rows recall 0. `macroF1` is its `f1_score(average="macro")`, the plain mean over the labels
 * that have rows or were predicted; labels of neither are left out.
 *
 * @throws RangeError unless the table is square.
 *
 * @example
 * ```ts
 * import { classificationScore } from "./metrics.ts";
 * const { accuracy, perLabel } = classificationScore([[3, 1], [2, 4]]);
 * if (accuracy !== 0.7 || perLabel[0].precision !== 0.6) throw new Error("unreachable");
 * ```
 */
export function classificationScore(confusion: Confusion): ClassificationScore {
  if (confusion.some((row) => row.length !== confusion.length)) {
    throw new RangeError(
      `Cannot score a confusion table: expected ${confusion.length} columns, got rows of ${
        confusion.map((row) => row.length).join(", ")
      }`,
    );
  }
  const counts = confusion.map((row, label) => ({
    hits: row[label],
    support: sum(row),
    predicted: sum(confusion.map((other) => other[label])),
  }));
  const perLabel = counts.map(({ hits, support, predicted }): LabelScore => ({
    precision: share(hits, predicted),
    recall: share(hits, support),
    f1: share(2 * hits, support + predicted),
    support,
  }));
  const occurring = perLabel.filter((_, label) =>
    counts[label].support + counts[label].predicted > 0
  );
  const rows = sum(counts.map(({ support }) => support));
  return {
    rows,
    accuracy: share(sum(counts.map(({ hits }) => hits)), rows),
    macroF1: share(sum(occurring.map(({ f1 }) => f1)), occurring.length),
    perLabel,
  };
}

/** A classifier that takes every row for the commonest label, the first of several: what a trained one has to beat. */
export function majorityScore(
  confusion: Confusion,
): ClassificationScore & { readonly label: number } {
  const supports = confusion.map(sum);
  const label = supports.indexOf(Math.max(...supports));
  const always = supports.map((support) =>
    supports.map((_, predicted) => predicted === label ? support : 0)
  );
  return { label, ...classificationScore(always) };
}

/** Rows of one label that were taken for another. */
export interface Mistake {
  readonly label: number;
  readonly predicted: number;
  readonly rows: number;
}

/** What is confused most often, the most first; equals by the order of labels. */
export function largestMistakes(confusion: Confusion, most: number): Mistake[] {
  return confusion.flatMap((row, label) =>
    row.map((rows, predicted): Mistake => ({ label, predicted, rows }))
  ).filter(({ label, predicted, rows }) => label !== predicted && rows > 0)
    .sort((one, other) => other.rows - one.rows).slice(0, most);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
