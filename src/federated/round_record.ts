/** What a simulated round writes down. @module */

import type { MessageSizes } from "../protocol/messages/mod.ts";
import type { AttendanceRecord, RoundRecord, TierRecord } from "../protocol/records.ts";
import { trainedShare } from "../protocol/trained_share.ts";
import type { Fate } from "./attendance.ts";
import type { CollectedUpdates } from "./collect_updates.ts";
import type { DealtRound } from "./course.ts";
import type { FederationState } from "./state.ts";
import { worstClient } from "./worst_client.ts";

/** A round that has ended. */
export interface EndedRound {
  /** What it began with. */
  readonly round: DealtRound;
  /** What clients held before they trained. */
  readonly perTier: readonly TierRecord[];
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
): RoundRecord {
  const { federation: { clients, local } } = round;
  const { rounds, bank, evaluation, own, cumulativeUp, cumulativeDown } = after;
  const { trainLoss, downBytes, ownScores, selected, steps, tokens } = collected;
  const scores = local.rankBy === "server" ? bank.scores : ownScores;
  return {
    round: rounds,
    attendance: countAttendance(round),
    accuracy: evaluation.correct / evaluation.rows,
    worstClient: worstClient(clients, evaluation, own),
    loss: evaluation.loss / evaluation.rows,
    trainLoss,
    perTier,
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
