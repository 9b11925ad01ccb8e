/** What distribution costs: how the model does as clients hold it before they train. @module */

import type { ModelEvaluation } from "../lora/evaluate.ts";
import type { Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import type { Deal } from "../protocol/deal.ts";
import { encodeDownload } from "../protocol/messages/mod.ts";
import { receiveDownload } from "./client_round.ts";
import { evaluateAdapter, type OnBatch } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";

/** A rank, and what each client of it holds, on the validation rows. */
export type TierEvaluations = readonly [rank: number, evaluations: readonly ModelEvaluation[]];

/**
 * The tiers of those that were dealt a round, by rank, ascending. Each set of components is evaluated once, however many clients hold it; the whole
 * bank, which freezing sends to everyone, is the server's model and evaluated already, as are models of the clients' own.
 */
export async function evaluateTiers(
  federation: Federation,
  session: Session,
  state: FederationState,
  deals: readonly Deal[],
  onBatch?: OnBatch,
): Promise<TierEvaluations[]> {
  const evaluations = new Map<string, ModelEvaluation>();
  const asDealt = async (deal: Deal): Promise<ModelEvaluation> => {
    const held = deal.forward.join(" ");
    const evaluation = evaluations.get(held) ??
      await evaluateDealt(federation, session, state, deal, onBatch);
    evaluations.set(held, evaluation);
    return evaluation;
  };
  const tiers = new Map<number, ModelEvaluation[]>();
  for (const deal of deals) {
    const evaluation = state.own?.[deal.client] ?? await asDealt(deal);
    const { rank } = federation.clients[deal.client];
    const tier = tiers.get(rank) ?? [];
    tier.push(evaluation);
    tiers.set(rank, tier);
  }
  return [...tiers].sort(([one], [other]) => one - other);
}

async function evaluateDealt(
  federation: Federation,
  session: Session,
  { bank, evaluation }: FederationState,
  deal: Deal,
  onBatch: OnBatch | undefined,
): Promise<ModelEvaluation> {
  if (isWhole(bank, deal)) return evaluation;
  const { bytes } = encodeDownload(bank, deal, { run: federation.run });
  const { adapter } = receiveDownload(bank, bytes);
  const held = { ...adapter, forward: adapter.deal.forward };
  return await evaluateAdapter(federation, session, held, federation.validation, onBatch);
}

/** Whether what a client is not dealt adds nothing to the model: there is nothing of the kind, or its b_i are zero. */
function isWhole({ rank, modules }: AdapterBank, { forward }: Deal): boolean {
  return modules.every(({ b }, m) => b.every((value, at) => value === 0 || forward[m][at % rank]));
}
