/** The score at the end of a run. @module */

import type { Session } from "../lora/session.ts";
import type { TestResult, TokenTestResult } from "../protocol/records.ts";
import type { ModelScores, RunModels } from "./course.ts";
import type { OnBatch } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import { predictionsIn } from "./device_batches.ts";
import { accuracyOf, isLabelled, meanLoss } from "./model_scores.ts";
import type { FederationState } from "./state.ts";

/** Accuracy, or a language model's loss, on the test rows of the models after the best round and after the last; undefined where the run leaves the test rows alone. */
export async function finalScore(
  federation: Federation,
  session: Session,
  { best, bank, clients, rounds }: FederationState,
  onBatch?: OnBatch,
): Promise<TestResult | TokenTestResult | undefined> {
  const { course, test } = federation;
  if (test.length === 0) return undefined;
  const score = (models: RunModels, before?: RunModels & ModelScores): Promise<ModelScores> =>
    course.evaluate(federation, session, models, test, { before, onBatch });
  const last = { bank, clients };
  const atFinal = await score(last);
  const atBest = best.round === rounds
    ? atFinal
    : await score({ bank: best.bank, clients: best.clients ?? clients }, { ...last, ...atFinal });
  const [one, other] = [atBest.evaluation, atFinal.evaluation];
  if (isLabelled(one) && isLabelled(other)) {
    return {
      rows: test.length,
      accuracyAtBest: accuracyOf(one),
      accuracyAtFinal: accuracyOf(other),
    };
  }
  return { tokens: predictionsIn(test), lossAtBest: meanLoss(one), lossAtFinal: meanLoss(other) };
}
