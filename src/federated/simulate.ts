/**
 * A round of a federation simulated on one machine: sampling, deals, local training, aggregation, evaluation.
 *
 * @module
 */

import type { Session } from "../lora/session.ts";
import { withoutStack } from "../protocol/merged_base.ts";
import { addBytes, type AttendanceRecord, type RoundRecord } from "../protocol/records.ts";
import { trainedShare } from "../protocol/trained_share.ts";
import { type Attendant, drawAttendants, type Fate } from "./attendance.ts";
import { keepInMemory, type KeepMemory } from "./client_memory.ts";
import { DivergedError } from "./client_round.ts";
import type { StepListener } from "./collect_updates.ts";
import { dealClients } from "./deal_clients.ts";
import type { OnBatch } from "./evaluate_bank.ts";
import { evaluateTiers } from "./evaluate_tiers.ts";
import { type Federation, initialBank } from "./federation.ts";
import type { FederationState } from "./state.ts";
import { worstClient } from "./worst_client.ts";

/** The state before the first round: {@linkcode initialBank}, evaluated on the validation rows. */
export async function startState(
  federation: Federation,
  session: Session,
  onBatch?: OnBatch,
): Promise<FederationState> {
  const { course, validation } = federation;
  const bank = initialBank(federation);
  const clients = federation.clients.map(() => undefined);
  const options = { ...(onBatch && { onBatch }) };
  const scores = await course.evaluate(federation, session, { bank, clients }, validation, options);
  return {
    rounds: 0,
    bank,
    ...scores,
    best: { round: 0, correct: scores.evaluation.correct, bank },
    clients,
    late: [],
    cumulativeUp: 0,
    cumulativeDown: 0,
  };
}

/**
 * Runs the next round: clients are sampled, dealt their components, download, train and upload; the server aggregates and evaluates. A round in which
 * no update arrives leaves the bank as it is. The state given is not changed: when a round fails it can be run again.
 *
 * @param onStep hears of each local step once it has run.
 * @param keep puts away what clients remember, one at a time.
 *
 * @returns the state after the round, and what the round showed.
 *
 * @throws DivergedError when a loss or a weight of a client, or the combined model's loss, is not finite.
 */
export async function runRound(
  federation: Federation,
  session: Session,
  state: FederationState,
  onStep: StepListener = () => {},
  keep: KeepMemory = keepInMemory,
): Promise<{ state: FederationState; record: RoundRecord }> {
  const started = performance.now();
  const { local, server, course, validation } = federation;
  const round = state.rounds;
  const attendants = drawAttendants(federation.attendance, {
    clients: federation.clients.length,
    busy: state.late.map(({ client }) => client),
    seed: local.seed,
    round,
  });
  const sampled = attendants.map(({ client }) => client);
  const { deals, choiceBytes } = await dealClients(federation, state, sampled);
  const perTier = await evaluateTiers(federation, session, state, deals);

  const aggregation = server.aggregator(state.bank);
  const collected = await course.collect(federation, session, state, attendants, deals, {
    take: (update) => aggregation.add(update),
    onStep,
    keep,
  });
  const { arrived, clients, downBytes, steps } = collected;
  const bank = arrived === 0 ? withoutStack(state.bank) : aggregation.finish();
  const models = { bank, clients };
  const { evaluation, own } = arrived === 0
    ? state
    : await course.evaluate(federation, session, models, validation, { before: state });
  if (!Number.isFinite(evaluation.loss)) {
    throw new DivergedError(`the validation loss became ${evaluation.loss}`, round);
  }
  const better = evaluation.correct > state.best.correct || round === 0;
  const upBytes = addBytes(choiceBytes, collected.upBytes);
  const next: FederationState = {
    rounds: round + 1,
    bank,
    evaluation,
    ...(own && { own }),
    best: better
      ? {
        round: round + 1,
        correct: evaluation.correct,
        bank: withoutStack(bank),
        ...(own && { clients }),
      }
      : state.best,
    clients,
    late: collected.late,
    cumulativeUp: state.cumulativeUp + upBytes.total,
    cumulativeDown: state.cumulativeDown + downBytes.total,
  };
  const seconds = (performance.now() - started) / 1000;
  return {
    state: next,
    record: {
      round: next.rounds,
      attendance: countAttendance(attendants, state.late.length),
      accuracy: evaluation.correct / evaluation.rows,
      worstClient: worstClient(federation.clients, evaluation, own),
      loss: evaluation.loss / evaluation.rows,
      trainLoss: collected.trainLoss,
      perTier,
      upBytes,
      downBytes,
      cumulativeUp: next.cumulativeUp,
      cumulativeDown: next.cumulativeDown,
      trainedShare: trainedShare(bank),
      scores: (local.rankBy === "server" ? bank.scores : collected.ownScores).map((
        list,
      ) => [...list]),
      selected: collected.selected,
      seconds,
      steps,
      tokensPerSecond: collected.tokens / seconds,
    },
  };
}

function countAttendance(attendants: readonly Attendant[], arrived: number): AttendanceRecord {
  const count = (fate: Fate) => attendants.filter((attendant) => attendant.fate === fate).length;
  return {
    sampled: attendants.length,
    answered: count("answers"),
    vanished: count("vanishes"),
    late: count("late"),
    arrived,
  };
}
