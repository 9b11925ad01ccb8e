/** Accuracy and loss of an adapter on rows that are set aside. @module */

import { evaluationBatches } from "../data/batches.ts";
import type { TokenizedSample } from "../data/types.ts";
import { installBase } from "../lora/base_changes.ts";
import { evaluate, type Evaluation } from "../lora/evaluate.ts";
import { installAdapter, type InstalledAdapter, type Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { withPooling } from "./client_round.ts";
import type { Federation } from "./federation.ts";

/** Called before each evaluation batch; may throw to end the run. */
export type OnBatch = () => void;

/**
 * The bank's accuracy and loss on some samples with all r components in the forward pass, over the base weights with what was merged into them. Installs
 * both in place of the session's.
 */
export async function evaluateBank(
  federation: Pick<Federation, "sizes" | "local" | "weights">,
  session: Session,
  bank: Pick<AdapterBank, "rank" | "modules" | "head" | "merged">,
  samples: readonly TokenizedSample[],
  onBatch?: OnBatch,
): Promise<Evaluation> {
  await installBase(session, federation.weights, bank.merged?.changes);
  const forward = bank.modules.map(() => new Uint8Array(bank.rank).fill(1));
  return await evaluateAdapter(federation, session, { ...bank, forward }, samples, onBatch);
}

/** As {@linkcode evaluateBank}, with the components of `forward` alone and over the base weights as they are. */
export async function evaluateAdapter(
  { sizes, local }: Pick<Federation, "sizes" | "local">,
  session: Session,
  adapter: InstalledAdapter,
  samples: readonly TokenizedSample[],
  onBatch: OnBatch = () => {},
): Promise<Evaluation> {
  installAdapter(session, adapter);
  const batches = evaluationBatches(samples, sizes.evaluationBatch, local.buckets, local.padId);
  return await evaluate(
    session,
    batches.map((batch) => {
      onBatch();
      return withPooling(batch, local.pooling);
    }),
  );
}
