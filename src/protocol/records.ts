/**
 * What a run writes down: a record each round, and the summary at its end. Plain data, one JSON line each.
 *
 * @module
 */
import type { MessageSizes } from "./messages/mod.ts";

/** The clients of one rank. */
export interface TierRecord {
  /** Their r_k. */
  readonly rank: number;
  /** How many have it. */
  readonly clients: number;
  /**
   * Accuracy, 0 to 1, of the model such a client holds when this round's distribution reaches it, before
   * it trains; the mean over the clients. The model distributed is the one the round before ended with: its accuracy less this one
   * is what distribution cost.
   */
  readonly accuracyAfterDistribution: number;
}

/** How many clients took part in a round; `sampled` is the sum of the three after it. */
export interface AttendanceRecord {
  /** Were dealt components and got a download. */
  readonly sampled: number;
  /** Of them: sent their update in this round. */
  readonly answered: number;
  /** Of them: vanished with the download. */
  readonly vanished: number;
  /** Of them: trained, and their update arrives in the next round. */
  readonly late: number;
  /** Were late in the round before; their update was aggregated in this one, as it was trained. */
  readonly arrived: number;
}

/** One round. */
export interface RoundRecord {
  /** 1 for the first. */
  readonly round: number;
  /** Who took part. */
  readonly attendance: AttendanceRecord;
  /** Of the aggregated model on the validation rows, 0 to 1. Where every client keeps a model of its own, this and the loss are means over these. */
  readonly accuracy: number;
  /**
   * Accuracy of the aggregated model, or of the client's own, for the client that fares worst, 0 to 1: the lowest over all clients of
   * Σ_label share(label)·accuracy(label), with the shares of the client's own training rows and the accuracies on the validation rows. Labels
   * without validation rows are left out of a client's shares; one that has no others counts with the accuracy on all rows.
   */
  readonly worstClient: number;
  /** Mean cross-entropy on the validation rows, in nats. */
  readonly loss: number;
  /**
   * Mean cross-entropy over the training steps behind the updates aggregated in this round, in nats; null where none arrived, which leaves the model
   * as it was.
   */
  readonly trainLoss: number | null;
  /** The round's clients by rank, ascending. */
  readonly perTier: readonly TierRecord[];
  /** All clients' messages to the server in this round. */
  readonly upBytes: MessageSizes;
  /** All messages to the clients in this round. */
  readonly downBytes: MessageSizes;
  /** Total bytes up in this and all earlier rounds. */
  readonly cumulativeUp: number;
  /** Total bytes down in this and all earlier rounds. */
  readonly cumulativeDown: number;
  /** Share of all components that a client has trained in this or an earlier round, 0 to 1. */
  readonly trainedShare: number;
  /** [modules][r]: score of each component after this round, the server's, or where clients rank for themselves the mean over those that trained in it. */
  readonly scores: readonly (readonly number[])[];
  /** [modules][r]: how many of the updates aggregated in this round trained each component. */
  readonly selected: readonly (readonly number[])[];
  /** Wall time of the round, evaluation included. */
  readonly seconds: number;
  /** Local steps taken in this round by all clients together. */
  readonly steps: number;
  /** Tokens of the local steps, padding included, per second of the round's wall time. */
  readonly tokensPerSecond: number;
}

/** A round's number with what its model reached. */
export interface RoundResult {
  /** 1 for the first. */
  readonly round: number;
  /** On the validation rows, 0 to 1. */
  readonly accuracy: number;
  /** For the client that fares worst, as {@linkcode RoundRecord} has it. */
  readonly worstClient: number;
  /** Mean cross-entropy on the validation rows, in nats. */
  readonly loss: number;
}

/** Accuracy on the test rows, 0 to 1. */
export interface TestResult {
  /** Test rows evaluated. */
  readonly rows: number;
  /** Of the model of the best validation round. */
  readonly accuracyAtBest: number;
  /** Of the model of the last round. */
  readonly accuracyAtFinal: number;
}

/** The end of a run. */
export interface RunSummary {
  /** The round of the highest validation accuracy, the first of several. */
  readonly best: RoundResult;
  /** The last round. */
  readonly final: RoundResult;
  /** Absent when the test rows were not evaluated. */
  readonly test?: TestResult;
  /** Accuracy of guessing evenly among the labels: 1 / labels. */
  readonly chance: number;
  /** Number of classes. */
  readonly labels: number;
  /** All messages to the server. */
  readonly upBytes: MessageSizes;
  /** All messages to the clients. */
  readonly downBytes: MessageSizes;
  /** Share of all components that a client trained in any round, 0 to 1. */
  readonly trainedShare: number;
  /** Wall time of all rounds together. */
  readonly seconds: number;
}

/** One client of a federation, as the report lists it. */
export interface ClientFacts {
  /** 1 for the first. */
  readonly client: number;
  /** Components per module it trains, r_k. */
  readonly rank: number;
  /** Its training rows, n_k. */
  readonly samples: number;
  /** [labels]: rows of each label. */
  readonly labelCounts: readonly number[];
}

/** What a run found out about its model, its data and its machine before the first round. */
export interface RunFacts {
  /** Version of this program. */
  readonly version: string;
  /** When, in ISO 8601. */
  readonly started: string;
  /** The device as it names itself, e.g. "cpu (2 threads)". */
  readonly device: string;
  /** The base model: folder, hub id, or "built-in base". */
  readonly model: string;
  /** How many numbers its checkpoint holds. */
  readonly modelParameters: number;
  /** The data set's name. */
  readonly data: string;
  /** The label set, in the order of the classifier's outputs. */
  readonly labels: readonly string[];
  /** Rows dealt to the clients. */
  readonly trainRows: number;
  /** Rows evaluated after each round. */
  readonly validationRows: number;
  /** Rows for the final score. */
  readonly testRows: number;
  /** Full names of the adapted modules, in the order of RoundRecord.scores. */
  readonly modules: readonly string[];
  /** The clients, in order of their numbers. */
  readonly clients: readonly ClientFacts[];
  /** What a reader of the results must know, e.g. that the base's weights are random. */
  readonly notes: readonly string[];
}

/**
 * Sums up a run's records.
 *
 * @param records at least one, in order of rounds
 * @throws RangeError without records
 *
 * @example
 * ```ts
 * import { summarizeRun } from "./records.ts";
 * import type { MessageSizes } from "./messages/mod.ts";
 * import type { RoundRecord } from "./records.ts";
 * const bytes: MessageSizes = { lora: 8, head: 1, overhead: 1, total: 10 };
 * const record: RoundRecord = {
 *   round: 1, attendance: { sampled: 2, answered: 2, vanished: 0, late: 0, arrived: 0 }, accuracy: 0.5, worstClient: 0.4,
 *   loss: 0.7, trainLoss: 0.7, perTier: [], upBytes: bytes, downBytes: bytes, cumulativeUp: 10, cumulativeDown: 10, trainedShare: 1, scores: [[1]], selected: [[1]],
 *   seconds: 1, steps: 1, tokensPerSecond: 64,
 * };
 * const summary = summarizeRun([record, { ...record, round: 2, accuracy: 0.4 }], 2);
 * if (summary.best.round !== 1 || summary.upBytes.total !== 20) throw new Error("unexpected");
 * ```
 */
export function summarizeRun(
  records: readonly RoundRecord[],
  labels: number,
  test?: TestResult,
): RunSummary {
  if (records.length === 0) {
    throw new RangeError("Cannot sum up a run: expected at least one round, got none");
  }
  const final = records[records.length - 1];
  const best = records.reduce((one, other) => other.accuracy > one.accuracy ? other : one);
  return {
    best: roundResult(best),
    final: roundResult(final),
    ...(test ? { test } : {}),
    chance: 1 / labels,
    labels,
    upBytes: records.map((record) => record.upBytes).reduce(addBytes),
    downBytes: records.map((record) => record.downBytes).reduce(addBytes),
    trainedShare: final.trainedShare,
    seconds: records.reduce((sum, record) => sum + record.seconds, 0),
  };
}

/** The bytes of no message. */
export const NO_BYTES: MessageSizes = { lora: 0, head: 0, overhead: 0, total: 0 };

/** The sum of two counts, kind by kind. */
export function addBytes(one: MessageSizes, other: MessageSizes): MessageSizes {
  return {
    lora: one.lora + other.lora,
    head: one.head + other.head,
    overhead: one.overhead + other.overhead,
    total: one.total + other.total,
  };
}

function roundResult({ round, accuracy, worstClient, loss }: RoundRecord): RoundResult {
  return { round, accuracy, worstClient, loss };
}
