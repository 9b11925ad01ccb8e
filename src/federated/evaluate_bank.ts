/** How an adapter does on rows that are set aside. @module */

import type { ModelRow } from "../data/types.ts";
import { installBase } from "../lora/base_changes.ts";
import {
  evaluate,
  evaluateTokens,
  type ModelEvaluation,
  type OnPrediction,
} from "../lora/evaluate.ts";
import { installAdapter, type InstalledAdapter, type Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { areTokenRows, labelBatches, requireLabelled, tokenBatches } from "./device_batches.ts";
import type { Federation } from "./federation.ts";

/** Called before each evaluation batch; may throw to end the run. */
export type OnBatch = () => void;

/**
 * How the bank does on some samples with all r components in the forward pass, over the base weights with what was merged into them. Installs
 * both in place of the session's.
 */
export async function evaluateBank(
  federation: Pick<Federation, "sizes" | "local" | "weights">,
  session: Session,
  bank: Pick<AdapterBank, "rank" | "modules" | "head" | "merged">,
  samples: readonly ModelRow[],
  onBatch?: OnBatch,
): Promise<ModelEvaluation> {
  await installBase(session, federation.weights, bank.merged?.changes);
  const forward = bank.modules.map(() => new Uint8Array(bank.rank).fill(1));
  return await evaluateAdapter(federation, session, { ...bank, forward }, samples, onBatch);
}

/** As {@linkcode evaluateBank}, with the components of `forward` alone and over the base weights as they are; of a classifier, tells each prediction. */
export async function evaluateAdapter(
  { sizes, local }: Pick<Federation, "sizes" | "local">,
  session: Session,
  adapter: InstalledAdapter,
  samples: readonly ModelRow[],
  onBatch: OnBatch = () => {},
  onPrediction?: OnPrediction,
): Promise<ModelEvaluation> {
  installAdapter(session, adapter);
  const B = sizes.evaluationBatch;
  const heard = function* <Batch>(batches: Iterable<Batch>) {
    for (const batch of batches) {
      onBatch();
      yield batch;
    }
  };
  return areTokenRows(samples)
    ? await evaluateTokens(session, heard(tokenBatches(samples, B, local)))
    : await evaluate(
      session,
      heard(labelBatches(requireLabelled(samples), B, local)),
      onPrediction,
    );
}
