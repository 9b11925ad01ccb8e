/** What a simulated round writes down. @module */

import type { MessageSizes } from "../protocol/messages/mod.ts";
import {
  type AnyRoundRecord,
  type AttendanceRecord,
  perplexityOf,
  type RoundFacts,
  type RoundRecord,
  type TokenRoundRecord,
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
export function roundRecord(ended: EndedRound): AnyRoundRecord {
  const { round, collected, upBytes, after, seconds } = ended;
  const { local } = round.federation;
  const { rounds, bank, evaluation, cumulativeUp, cumulativeDown } = after;
  const { trainLoss, downBytes, ownScores, selected, steps, tokens } = collected;
  const scores = local.rankBy === "server" ? bank.scores : ownScores;
  return {
    round: rounds,
    attendance: countAttendance(round),
    ...qualityOf(ended),
    loss: meanLoss(evaluation),
    trainLoss,
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
  };
}

/** What a record tells of a model of its kind alone. */
type Quality =
  | Omit<RoundRecord, keyof RoundFacts>
  | Omit<TokenRoundRecord, keyof RoundFacts>;

function qualityOf({ round, perTier, after: { evaluation, own } }: EndedRound): Quality {
  if (isLabelled(evaluation)) {
    return {
      accuracy: accuracyOf(evaluation),
      worstClient: worstClient(round.federation.clients, evaluation, own?.filter(isLabelled)),
      perTier: perTier.map(([rank, evaluations]) => ({
        rank,
        clients: evaluations.length,
        accuracyAfterDistribution: mean(evaluations.filter(isLabelled).map(accuracyOf)),
      })),
    };
  }
  return {
    perplexity: perplexityOf(meanLoss(evaluation)),
    perTier: perTier.map(([rank, evaluations]) => ({
      rank,
      clients: evaluations.length,
      lossAfterDistribution: mean(evaluations.map(meanLoss)),
    })),
  };
}

function mean(values: readonly number[]): number {
  // Equal values have that mean, whatever rounding their sum has: what distribution does not change is told as exactly that.
  if (values.every((value) => value === values[0])) return values[0];
  return values.reduce((sum, value) => sum + value, 0) / values.length;
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
