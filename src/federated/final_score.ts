/** The score at the end of a run. @module */

import type { Session } from "../lora/session.ts";
import type { TestResult } from "../protocol/records.ts";
import { evaluateBank, type OnBatch } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";

/** Accuracy on the test rows of the adapters after the best round and after the last; undefined where the run leaves the test rows alone. */
export async function finalScore(
  federation: Federation,
  session: Session,
  { best, bank, rounds }: FederationState,
  onBatch?: OnBatch,
): Promise<TestResult | undefined> {
  if (federation.test.length === 0) return undefined;
  const rows = federation.test.length;
  const final = await evaluateBank(federation, session, bank, federation.test, onBatch);
  const chosen = best.round === rounds
    ? final
    : await evaluateBank(federation, session, best.bank, federation.test, onBatch);
  return { rows, accuracyAtBest: chosen.correct / rows, accuracyAtFinal: final.correct / rows };
}
