/** The start of a simulated round: what each client that takes part holds and trains. @module */

import { checkClientChoice, clientsChoose } from "../protocol/client_choice.ts";
import { chooseComponents, type Deal, dealOf, dealRound } from "../protocol/deal.ts";
import { decodeChoice, encodeChoice, type MessageSizes } from "../protocol/messages/mod.ts";
import { addBytes, NO_BYTES } from "../protocol/records.ts";
import type { Federation } from "./federation.ts";
import type { FederationState } from "./state.ts";

/**
 * Deals the next round. A client that ranks for itself sends its choice first, and the server checks only its budget.
 *
 * @param sampled indices of the clients that take part, ascending.
 *
 * @returns a deal for each, in their order, and the bytes of all choices.
 */
export async function dealClients(
  { run, clients, server, local }: Federation,
  { bank, clients: memories, rounds: round }: FederationState,
  sampled: readonly number[],
): Promise<{ deals: Deal[]; choiceBytes: MessageSizes }> {
  const participants = sampled.map((client) => ({ client, rank: clients[client].rank }));
  const { distribution: method, factors, selection, scopeName, warmupRounds } = server;
  if (!clientsChoose({ method, rankBy: local.rankBy, warmupRounds }, round)) {
    const deals = dealRound({
      ...selection,
      bank,
      participants,
      method,
      factors,
      warmupRounds,
      round,
    });
    return { deals, choiceBytes: NO_BYTES };
  }
  let choiceBytes = NO_BYTES;
  const deals: Deal[] = [];
  for (const participant of participants) {
    const { client, rank } = participant;
    const { scores } = await memories[client]?.read() ?? {};
    const chosen = chooseComponents(bank, participant, round, scores, selection);
    const message = encodeChoice(bank, chosen, { run, round, client });
    choiceBytes = addBytes(choiceBytes, message.sizes);
    const { indices } = decodeChoice(message.bytes, bank);
    checkClientChoice(indices, rank, bank, scopeName);
    deals.push(dealOf(bank.rank, client, round, method, indices, factors));
  }
  return { deals, choiceBytes };
}
