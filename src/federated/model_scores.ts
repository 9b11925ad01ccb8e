/** What a run goes by of an evaluation, of a classifier or a language model. @module */

import type { Evaluation, LabelCount, ModelEvaluation } from "../lora/evaluate.ts";

/** Whether it is of a sequence classifier. */
export function isLabelled(evaluation: ModelEvaluation): evaluation is Evaluation {
  return "perLabel" in evaluation;
}

/** Mean cross-entropy in nats, of a classifier's rows or of a language model's predictions. */
export function meanLoss(evaluation: ModelEvaluation): number {
  return evaluation.loss / (isLabelled(evaluation) ? evaluation.rows : evaluation.tokens);
}

/** Share of the rows that were predicted right. */
export function accuracyOf({ correct, rows }: Pick<Evaluation, "correct" | "rows">): number {
  return correct / rows;
}

/** What rounds are compared by, more is better: rows predicted right; of a language model the loss with its sign turned. */
export function meritOf(evaluation: ModelEvaluation): number {
  return isLabelled(evaluation) ? evaluation.correct : -evaluation.loss;
}

/**
 * The sum of two evaluations.
 *
 * @throws TypeError where one is of a classifier and one of a language model.
 */
export function addEvaluations(one: ModelEvaluation, other: ModelEvaluation): ModelEvaluation {
  const loss = one.loss + other.loss;
  if (isLabelled(one) && isLabelled(other)) {
    const perLabel = one.perLabel.map((count, label) => addCounts(count, other.perLabel[label]));
    return { ...addCounts(one, other), loss, perLabel };
  }
  if (isLabelled(one) || isLabelled(other)) {
    throw new TypeError("Cannot add evaluations: expected both of one kind of model");
  }
  return { tokens: one.tokens + other.tokens, loss };
}

function addCounts(one: LabelCount, other: LabelCount): LabelCount {
  return { rows: one.rows + other.rows, correct: one.correct + other.correct };
}
