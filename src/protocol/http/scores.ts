/** Scores of both kinds of models. @module */

import type {
  AnyEvaluationReport,
  AnyScore,
  TokenEvaluationReport,
  TokenScore,
} from "./documents.ts";

/** Largest sum of losses in a report, in nats: sums over all parties stay numbers that databases hold. A bank that has diverged has this one. */
export const MOST_LOSS = 1e300;

/** Whether a report is of a language model. */
export function isTokenReport(report: AnyEvaluationReport): report is TokenEvaluationReport {
  return "tokens" in report;
}

/** Whether a score is of a language model. */
export function isTokenScore(score: AnyScore): score is TokenScore {
  return "tokens" in score;
}

/** What scores of one run are compared by, more is better: the accuracy; of a language model the loss with its sign turned. */
export function scoreMerit(score: AnyScore): number {
  return isTokenScore(score) ? -score.loss : score.accuracy;
}
