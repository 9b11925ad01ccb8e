/**
 * What each client of an attempt holds and trains. Deals are not stored: they follow from the manifest, the bank and the sample.
 *
 * @module
 */

import { clientsChoose } from "../../src/protocol/client_choice.ts";
import { type Deal, dealOf, dealRound } from "../../src/protocol/deal.ts";
import { decodeChoice } from "../../src/protocol/messages/mod.ts";
import { scopedSelections } from "../../src/protocol/method.ts";
import { selectorOf } from "../../src/protocol/selection.ts";
import { currentBank } from "./banks.ts";
import { type AttemptRow, type RunRow, seatsOf } from "./rows.ts";
import { type Service, ServiceError } from "./service.ts";

/** The choice a client sent for an attempt; undefined before it did. */
export async function choiceOf(
  { db }: Pick<Service, "db">,
  run: string,
  { round, attempt }: Pick<AttemptRow, "round" | "attempt">,
  client: number,
): Promise<Uint8Array | undefined> {
  const [row] = await db.query<{ body: Uint8Array }>(
    "SELECT body FROM choices WHERE run = $1 AND round = $2 AND attempt = $3 AND client = $4",
    [run, round, attempt, client],
  );
  return row?.body;
}

/**
 * The deal of a client that was sampled.
 *
 * @throws {ServiceError} conflict when it has to send its choice first.
 */
export async function dealFor(
  service: Service,
  run: RunRow,
  attempt: AttemptRow,
  client: number,
): Promise<Deal> {
  const { layout, method } = run.manifest;
  const { round } = attempt;
  if (!clientsChoose(method, round)) {
    return (await serverDeals(service, run, attempt)).get(client)!;
  }
  const body = await choiceOf(service, run.id, attempt, client);
  if (body === undefined) {
    throw new ServiceError(
      "conflict",
      `Cannot deal to client ${client} in round ${round + 1}: it has to send its choice first`,
    );
  }
  const { indices } = decodeChoice(body, layout);
  return dealOf(layout.rank, client, round, method.method, indices, method.factors);
}

/** Deals that are on their way count as known: a whole sample asks at once. */
async function serverDeals(
  service: Service,
  run: RunRow,
  attempt: AttemptRow,
): Promise<ReadonlyMap<number, Deal>> {
  const { memory } = service;
  const key = `${attempt.round}.${attempt.attempt}`;
  const known = memory.deals.get(run.id);
  if (known?.attempt === key) return await known.deals;
  const entry = { attempt: key, deals: dealAttempt(service, run, attempt) };
  memory.deals.set(run.id, entry);
  try {
    return await entry.deals;
  } catch (error) {
    if (memory.deals.get(run.id) === entry) memory.deals.delete(run.id);
    throw error;
  }
}

async function dealAttempt(
  service: Service,
  run: RunRow,
  { round, sampled }: AttemptRow,
): Promise<ReadonlyMap<number, Deal>> {
  const { method, seed } = run.manifest;
  const bank = await currentBank(service, run);
  const ranks = new Map(
    (await seatsOf(service.db, run.id)).map(({ client, rank }) => [client, rank]),
  );
  const dealt = dealRound({
    bank,
    // Ranks never change once they are settled, so this is the sample's at any time.
    participants: sampled.map((client) => ({ client, rank: ranks.get(client)! })),
    method: method.method,
    factors: method.factors,
    selector: selectorOf(method.selection, method.temperature),
    scope: scopedSelections[method.scope],
    warmupRounds: method.warmupRounds,
    round,
    seed,
  });
  return new Map(dealt.map((deal) => [deal.client, deal]));
}
