/** What a simulated round writes down. @module */

import type { MessageSizes } from "../protocol/messages/mod.ts";
import {
  type AnyRoundRecord,
  type AttendanceRecord,
  perplexityOf,
  type TierRecord,
  type TokenTierRecord,
} from "../protocol/records.ts";
import { trainedShare } from "../protocol/trained_share.ts";
import type { Fate } from "./attendance.ts";
import type { CollectedUpdates } from "./collect_updates.ts";
import type { DealtRound } from "./course.ts";
import type { TierEvaluations } from "./evaluate_tiers.ts";
import { accuracyOf, isLabelled, meanLoss } from "./model_scores.ts";
import type { FederationState } from "./state.ts";
import { worstClient } from "./worst_client.ts";

/** A round that has ended. */
export interface EndedRound {
  /** What it began with. */
  readonly round: DealtRound;
  /** What clients held before they trained. */
  readonly perTier: readonly TierEvaluations[];
  /** What they trained. */
  readonly collected: CollectedUpdates;
  /** Bytes of all messages to the server. */
  readonly upBytes: MessageSizes;
  /** The state after it. */
  readonly after: FederationState;
  /** Its wall time. */
  readonly seconds: number;
}

/** The record of a round. */
export function roundRecord(
  { round, perTier, collected, upBytes, after, seconds }: EndedRound,
): AnyRoundRecord {
  const { federation: { clients, local } } = round;
  const { rounds, bank, evaluation, own, cumulativeUp, cumulativeDown } = after;
  const { trainLoss, downBytes, ownScores, selected, steps, tokens } = collected;
  const scores = local.rankBy === "server" ? bank.scores : ownScores;
  const loss = meanLoss(evaluation);
  const quality = isLabelled(evaluation)
    ? {
      accuracy: accuracyOf(evaluation),
      worstClient: worstClient(clients, evaluation, own?.filter(isLabelled)),
    }
    : { perplexity: perplexityOf(loss) };
  return {
    round: rounds,
    attendance: countAttendance(round),
    ...quality,
    loss,
    trainLoss,
    perTier: perTier.map(tierRecord),
    upBytes,
    downBytes,
    cumulativeUp,
    cumulativeDown,
    trainedShare: trainedShare(bank),
    scores: scores.map((list) => [...list]),
    selected,
    seconds,
    steps,
    tokensPerSecond: tokens / seconds,
  } as AnyRoundRecord; // Of one evaluation, and so all of one kind.
}

function tierRecord([rank, evaluations]: TierEvaluations): TierRecord | TokenTierRecord {
  const clients = evaluations.length;
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / clients;
  const labelled = evaluations.filter(isLabelled);
  return labelled.length === clients
    ? { rank, clients, accuracyAfterDistribution: mean(labelled.map(accuracyOf)) }
    : { rank, clients, lossAfterDistribution: mean(evaluations.map(meanLoss)) };
}

function countAttendance({ turns, state: { late } }: DealtRound): AttendanceRecord {
  const count = (fate: Fate) => turns.filter((turn) => turn.fate === fate).length;
  return {
    sampled: turns.length,
    answered: count("answers"),
    vanished: count("vanishes"),
    late: count("late"),
    arrived: late.length,
  };
}
