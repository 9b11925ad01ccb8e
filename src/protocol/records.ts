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

/** The clients of one rank, of a run that trains a language model. */
export interface TokenTierRecord extends Pick<TierRecord, "rank" | "clients"> {
  /** Validation loss in nats, as {@linkcode TierRecord.accuracyAfterDistribution} is an accuracy. */
  readonly lossAfterDistribution: number;
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

/** What every round tells, whatever is trained. */
export interface RoundFacts {
  /** 1 for the first. */
  readonly round: number;
  /** Who took part. */
  readonly attendance: AttendanceRecord;
  /** Mean cross-entropy on the validation rows, or over a language model's predictions in them, in nats. */
  readonly loss: number;
  /**
   * Mean cross-entropy over the training steps behind the updates aggregated in this round, in nats; null where none arrived, which leaves the model
   * as it was.
   */
  readonly trainLoss: number | null;
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

/** One round of a run that trains a sequence classifier. */
export interface RoundRecord extends RoundFacts {
  /** Of the aggregated model on the validation rows, 0 to 1. Where every client keeps a model of its own, this and the loss are means over these. */
  readonly accuracy: number;
  /**
   * Accuracy of the aggregated model, or of the client's own, for the client that fares worst, 0 to 1: the lowest over all clients of
   * Σ_label share(label)·accuracy(label), with the shares of the client's own training rows and the accuracies on the validation rows. Labels
   * without validation rows are left out of a client's shares; one that has no others counts with the accuracy on all rows.
   */
  readonly worstClient: number;
  /** The round's clients by rank, ascending. */
  readonly perTier: readonly TierRecord[];
}

/** One round of a run that trains a language model: it has no accuracy. */
export interface TokenRoundRecord extends RoundFacts {
  /** e to the power of the validation loss: of so many tokens the model would have to guess evenly to do as well. */
  readonly perplexity: number;
  /** The round's clients by rank, ascending. */
  readonly perTier: readonly TokenTierRecord[];
  /** Of classifiers. */
  readonly accuracy?: undefined;
  /** Of classifiers. */
  readonly worstClient?: undefined;
}

/** One round. */
export type AnyRoundRecord = RoundRecord | TokenRoundRecord;

/** Whether a record is of a language model. */
export function isTokenRecord(record: AnyRoundRecord): record is TokenRoundRecord {
  return record.accuracy === undefined;
}

/** e^loss, of a mean cross-entropy in nats; no more than JSON can say. */
export function perplexityOf(loss: number): number {
  return Math.min(Math.exp(loss), Number.MAX_VALUE);
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

/** A round's number with what its language model reached on the validation rows. */
export interface TokenRoundResult extends Pick<TokenRoundRecord, "round" | "loss" | "perplexity"> {
  /** Of classifiers. */
  readonly accuracy?: undefined;
}

/** A language model on the test rows. */
export interface TokenTestResult {
  /** Predictions in them. */
  readonly tokens: number;
  /** Mean cross-entropy in nats, of the model of the best validation round. */
  readonly lossAtBest: number;
  /** Of the model of the last round. */
  readonly lossAtFinal: number;
}

/** The end of a run, whatever was trained. */
export interface RunTotals {
  /** All messages to the server. */
  readonly upBytes: MessageSizes;
  /** All messages to the clients. */
  readonly downBytes: MessageSizes;
  /** Share of all components that a client trained in any round, 0 to 1. */
  readonly trainedShare: number;
  /** Wall time of all rounds together. */
  readonly seconds: number;
}

/** The end of a run that trained a sequence classifier. */
export interface RunSummary extends RunTotals {
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
}

/** The end of a run that trained a language model. */
export interface TokenRunSummary extends RunTotals {
  /** The round of the lowest validation loss, the first of several. */
  readonly best: TokenRoundResult;
  /** The last round. */
  readonly final: TokenRoundResult;
  /** Absent when the test rows were not evaluated. */
  readonly test?: TokenTestResult;
  /** Tokens of all local steps, padding included, per second of the rounds' wall time. */
  readonly tokensPerSecond: number;
  /** Of classifiers. */
  readonly chance?: undefined;
}

/** The end of a run. */
export type AnyRunSummary = RunSummary | TokenRunSummary;

/** The records of a run and their summary, of one kind all. */
export type SummarizedRun =
  | { readonly records: readonly RoundRecord[]; readonly summary: RunSummary }
  | { readonly records: readonly TokenRoundRecord[]; readonly summary: TokenRunSummary };

/** Whether a summary is of a language model. */
export function isTokenSummary(summary: AnyRunSummary): summary is TokenRunSummary {
  return summary.chance === undefined;
}

/** One client of a federation, as the report lists it. */
export interface ClientFacts {
  /** 1 for the first. */
  readonly client: number;
  /** Components per module it trains, r_k. */
  readonly rank: number;
  /** Its training rows, n_k: texts, or a language model's rows of tokens. */
  readonly samples: number;
  /** [labels]: rows of each label; empty where a language model is trained. */
  readonly labelCounts: readonly number[];
}

/** Predicted tokens of each part of the data. */
export interface TokenCounts {
  /** Of all clients. */
  readonly train: number;
  /** Evaluated after each round. */
  readonly validation: number;
  /** For the final score; 0 where that is left out. */
  readonly test: number;
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
  /** The label set, in the order of the classifier's outputs; empty where a language model is trained. */
  readonly labels: readonly string[];
  /** Predictions of a language model in the rows below; absent of classifiers. */
  readonly tokens?: TokenCounts;
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
  const final = lastOf(records);
  const best = records.reduce((one, other) => other.accuracy > one.accuracy ? other : one);
  return {
    best: roundResult(best),
    final: roundResult(final),
    ...(test ? { test } : {}),
    chance: 1 / labels,
    labels,
    ...totals(records),
  };
}

/**
 * Sums up the records of a run that trained a language model.
 *
 * @param records at least one, in order of rounds
 * @throws RangeError without records
 */
export function summarizeTokenRun(
  records: readonly TokenRoundRecord[],
  test?: TokenTestResult,
): TokenRunSummary {
  const result = ({ round, loss, perplexity }: TokenRoundRecord) => ({ round, loss, perplexity });
  const final = lastOf(records);
  const best = records.reduce((one, other) => other.loss < one.loss ? other : one);
  const sums = totals(records);
  const tokens = records.reduce((sum, one) => sum + one.tokensPerSecond * one.seconds, 0);
  return {
    best: result(best),
    final: result(final),
    ...(test ? { test } : {}),
    tokensPerSecond: tokens / sums.seconds,
    ...sums,
  };
}

/**
 * Sums up the records of a run, of one kind all, and tells of which.
 *
 * @param records at least one, in order of rounds
 * @param labels classes of a classifier
 * @throws RangeError without records
 */
export function summarizeAnyRun(
  records: readonly AnyRoundRecord[],
  labels: number,
  test?: TestResult | TokenTestResult,
): SummarizedRun {
  if (records.every(isTokenRecord)) {
    const ofTokens = test && "tokens" in test ? test : undefined;
    return { records, summary: summarizeTokenRun(records, ofTokens) };
  }
  const labelled = records.filter((record) => !isTokenRecord(record));
  const ofLabels = test && "rows" in test ? test : undefined;
  return { records: labelled, summary: summarizeRun(labelled, labels, ofLabels) };
}

function lastOf<R extends AnyRoundRecord>(records: readonly R[]): R {
  const last = records.at(-1);
  if (last !== undefined) return last;
  throw new RangeError("Cannot sum up a run: expected at least one round, got none");
}

function totals(records: readonly AnyRoundRecord[]): RunTotals {
  return {
    upBytes: records.map((record) => record.upBytes).reduce(addBytes),
    downBytes: records.map((record) => record.downBytes).reduce(addBytes),
    trainedShare: lastOf(records).trainedShare,
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
