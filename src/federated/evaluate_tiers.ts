/** What distribution costs: accuracy of the model as clients hold it before they train. @module */

import type { Session } from "../lora/session.ts";
import type { Deal } from "../protocol/deal.ts";
import { applyDownload, decodeDownload, encodeDownload } from "../protocol/messages/mod.ts";
import type { TierRecord } from "../protocol/records.ts";
import { evaluateAdapter } from "./evaluate_bank.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";

/**
 * The tiers of those that were dealt a round, by rank, ascending. Each set of components is evaluated once, however many clients hold it; the whole
 * bank, which freezing sends to everyone, is the server's model and evaluated already.
 */
export async function evaluateTiers(
  federation: Federation,
  session: Session,
  state: FederationState,
  deals: readonly Deal[],
): Promise<TierRecord[]> {
  const accuracies = new Map<string, number>();
  const tiers = new Map<number, { clients: number; sum: number }>();
  for (const deal of deals) {
    const held = deal.forward.join(" ");
    const accuracy = accuracies.get(held) ??
      await accuracyAsDealt(federation, session, state, deal);
    accuracies.set(held, accuracy);
    const { rank } = federation.clients[deal.client];
    const { clients, sum } = tiers.get(rank) ?? { clients: 0, sum: 0 };
    tiers.set(rank, { clients: clients + 1, sum: sum + accuracy });
  }
  return [...tiers].sort(([one], [other]) => one - other).map(([rank, { clients, sum }]) => ({
    rank,
    clients,
    accuracyAfterDistribution: sum / clients,
  }));
}

async function accuracyAsDealt(
  federation: Federation,
  session: Session,
  { bank, evaluation }: FederationState,
  deal: Deal,
): Promise<number> {
  const whole = deal.forward.every((mask) => !mask.includes(0));
  if (whole) return evaluation.correct / evaluation.rows;
  const { bytes } = encodeDownload(bank, deal, { run: federation.run });
  const held = applyDownload(bank, decodeDownload(bytes, bank));
  const adapter = { ...held, forward: held.deal.forward };
  const { correct, rows } = await evaluateAdapter(
    federation,
    session,
    adapter,
    federation.validation,
  );
  return correct / rows;
}
