/**
 * A round of a federation simulated on one machine: sampling, deals, local training, aggregation, evaluation.
 *
 * @module
 */

import type { Session } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { withoutStack } from "../protocol/merged_base.ts";
import type { MessageSizes } from "../protocol/messages/mod.ts";
import { addBytes, type AnyRoundRecord } from "../protocol/records.ts";
import { drawAttendants } from "./attendance.ts";
import { keepInMemory, type KeepMemory } from "./client_memory.ts";
import { DivergedError } from "./client_round.ts";
import type { CollectedUpdates, StepListener } from "./collect_updates.ts";
import type { DealtRound } from "./course.ts";
import { dealClients } from "./deal_clients.ts";
import type { OnBatch } from "./evaluate_bank.ts";
import { evaluateTiers } from "./evaluate_tiers.ts";
import { type Federation, initialBank } from "./federation.ts";
import { meritOf } from "./model_scores.ts";
import { roundRecord } from "./round_record.ts";
import type { FederationState } from "./state.ts";

/** The state before the first round: {@linkcode initialBank}, evaluated on the validation rows. */
export async function startState(
  federation: Federation,
  session: Session,
  onBatch?: OnBatch,
): Promise<FederationState> {
  const { course, validation } = federation;
  const bank = initialBank(federation);
  const clients = federation.clients.map(() => undefined);
  const models = { bank, clients };
  const scores = await course.evaluate(federation, session, models, validation, { onBatch });
  return {
    rounds: 0,
    bank,
    ...scores,
    best: { round: 0, merit: meritOf(scores.evaluation), bank },
    clients,
    late: [],
    cumulativeUp: 0,
    cumulativeDown: 0,
  };
}

/** What a round tells its caller while it runs, and leaves to it. */
export interface RoundHooks {
  /** Hears of each local step once it has run; may throw to end the run. */
  readonly onStep?: StepListener | undefined;
  /** Called before each evaluation batch; may throw to end the run. */
  readonly onBatch?: OnBatch | undefined;
  /** Puts away what clients remember, one at a time; default: in memory. */
  readonly keep?: KeepMemory | undefined;
}

/**
 * Runs the next round: clients are sampled, dealt their components, download, train and upload; the server aggregates and evaluates. A round in which
 * no update arrives leaves the bank as it is. The state given is not changed: when a round fails it can be run again.
 *
 * @returns the state after the round, and what the round showed.
 *
 * @throws DivergedError when a loss or a weight of a client, or the combined model's loss, is not finite.
 */
export async function runRound(
  federation: Federation,
  session: Session,
  state: FederationState,
  { onStep = () => {}, onBatch, keep = keepInMemory }: RoundHooks = {},
): Promise<{ state: FederationState; record: AnyRoundRecord }> {
  const started = performance.now();
  const attendants = drawAttendants(federation.attendance, {
    clients: federation.clients.length,
    busy: state.late.map(({ client }) => client),
    seed: federation.local.seed,
    round: state.rounds,
  });
  const sampled = attendants.map(({ client }) => client);
  const { deals, choiceBytes } = await dealClients(federation, state, sampled);
  const turns = attendants.map((attendant, at) => ({ ...attendant, deal: deals[at] }));
  const round: DealtRound = { federation, session, state, turns };
  const perTier = await evaluateTiers(federation, session, state, deals, onBatch);

  const aggregation = federation.server.aggregator(state.bank);
  const collected = await federation.course.collect(round, {
    take: (update) => aggregation.add(update),
    onStep,
    keep,
  });
  const bank = collected.arrived === 0 ? withoutStack(state.bank) : aggregation.finish();
  const upBytes = addBytes(choiceBytes, collected.upBytes);
  const after = await stateAfter(round, collected, bank, upBytes, onBatch);
  const seconds = (performance.now() - started) / 1000;
  const record = roundRecord({ round, perTier, collected, upBytes, after, seconds });
  return { state: after, record };
}

/** The state after a round, its models evaluated. */
async function stateAfter(
  { federation, session, state }: DealtRound,
  { arrived, clients, late, downBytes }: CollectedUpdates,
  bank: AdapterBank,
  upBytes: MessageSizes,
  onBatch: OnBatch | undefined,
): Promise<FederationState> {
  const { course, validation } = federation;
  const models = { bank, clients };
  const { evaluation, own } = arrived === 0
    ? state
    : await course.evaluate(federation, session, models, validation, { before: state, onBatch });
  if (!Number.isFinite(evaluation.loss)) {
    throw new DivergedError(`the validation loss became ${evaluation.loss}`, state.rounds);
  }
  const rounds = state.rounds + 1;
  const merit = meritOf(evaluation);
  const better = merit > state.best.merit || rounds === 1;
  return {
    rounds,
    bank,
    evaluation,
    ...(own && { own }),
    best: better
      ? { round: rounds, merit, bank: withoutStack(bank), ...(own && { clients }) }
      : state.best,
    clients,
    late,
    cumulativeUp: state.cumulativeUp + upBytes.total,
    cumulativeDown: state.cumulativeDown + downBytes.total,
  };
}
