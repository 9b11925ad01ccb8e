/**
 * The JSON documents of the HTTP API, as both sides see them. The server's schemas (zod) are checked against these types at compile time.
 *
 * Times are milliseconds since 1970 by the server's clock. Rounds count from 0 in addresses (`round`), and records tell how many rounds were done
 * (1 after the first), as in a simulated run.
 *
 * @module
 */

import type { MessageSizes } from "../messages/mod.ts";
import type { Task } from "../task.ts";
import type { UpdateFault } from "../validate_update.ts";

/** Where a run stands. `draft`: its bank is not complete; `waiting`: for clients. */
export type RunState = "draft" | "waiting" | "running" | "finished" | "stopped";

/**
 * Where an attempt at a round stands. `open`: announced, nobody has taken it up; `collecting`: being trained; `aggregating`: closed; `published`: its
 * bank is there; `missed`: it ended without a quorum.
 */
export type RoundState = "open" | "collecting" | "aggregating" | "published" | "missed";

/** Where a seat of a run stands. `enrolled`: has a key; `ready`: has a rank too. */
export type SeatState = "invited" | "enrolled" | "ready" | "withdrawn";

/** What a seat is for: training, or scoring published banks on a public test set. */
export type SeatRole = "client" | "evaluator";

/** Why an update, a choice or another message of a client was refused; logged with client and round. */
export type RejectReason =
  | UpdateFault
  | "malformed" // not safetensors, or not a message of its kind
  | "too-large"
  | "too-slow"
  | "incomplete" // the body ended early
  | "digest" // the body is not what was signed
  | "norm"
  | "budget" // a client's own choice of components
  | "not-sampled"
  | "round-closed"
  | "duplicate" // another update of this client was accepted, or its id stands for other bytes
  | "bad-signature"
  | "clock-skew"
  | "replay"
  | "withdrawn";

/** A client's answer to an invitation. The request is signed with the key it names. */
export interface Enrolment {
  /** The invitation's secret. */
  readonly token: string;
  /** The client's name, for people. */
  readonly name: string;
  /** Raw Ed25519 public key, base64url without padding. */
  readonly publicKey: string;
}

/** What a client gets for its invitation. */
export interface Enrolled {
  /** Its index in the run; an evaluator has one of its own, above all clients'. */
  readonly client: number;
  /** What the seat is for. */
  readonly role: SeatRole;
}

/** What a client says of its means, to be given a rank. */
export interface Budget {
  /** The rank it wants; left out where the run or the server decides. */
  readonly rank?: number;
  /** Training samples n_k, for the page; the update's own number counts. */
  readonly samples: number;
  /** Measured seconds of one local step. */
  readonly stepSeconds?: number;
  /** Measured bytes per second from and to the server. */
  readonly link?: { readonly down: number; readonly up: number };
}

/** The rank that was settled. */
export interface SettledBudget {
  /** r_k; 0 for an evaluator. */
  readonly rank: number;
}

/** What a client is to do next. */
export type ClientTask =
  /** Nothing yet: ask again. `reason`: `clients` are missing, the `round` is another's or done, or it is being aggregated. */
  | { readonly kind: "wait"; readonly reason: "clients" | "round" }
  /** Send the components it wants to train; then the task becomes `train`. */
  | (RoundTask & { readonly kind: "choose" })
  /** Download, train, upload. */
  | (RoundTask & { readonly kind: "train" })
  /** Score the bank after `rounds` rounds (an evaluator's task). */
  | { readonly kind: "evaluate"; readonly rounds: number }
  /** The run has ended after `rounds` rounds; their bank is there to be scored and kept. */
  | { readonly kind: "finished"; readonly rounds: number }
  /** The run was stopped after `rounds` rounds. */
  | { readonly kind: "stopped"; readonly rounds: number };

/** An attempt at a round, as a sampled client sees it. */
export interface RoundTask {
  /** The round, counted from 0. */
  readonly round: number;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** The client's r_k. */
  readonly rank: number;
  /** When the attempt ends. */
  readonly deadline: number;
}

/** Score of a bank of a classifier on held-out rows. */
export interface EvaluationReport {
  /** Rounds behind the bank: 0 for the initial one. */
  readonly rounds: number;
  /** Rows scored, at least 1. */
  readonly rows: number;
  /** Rows predicted right. */
  readonly correct: number;
  /** Sum of the cross-entropy over the rows, in nats, at most 1e300. */
  readonly loss: number;
}

/** Score of a bank of a language model on held-out rows. */
export interface TokenEvaluationReport extends Pick<EvaluationReport, "rounds"> {
  /** Tokens predicted, at least 1. */
  readonly tokens: number;
  /** Sum of their cross-entropy, in nats, at most 1e300. */
  readonly loss: number;
}

/** Score of a bank on held-out rows. */
export type AnyEvaluationReport = EvaluationReport | TokenEvaluationReport;

/** How far a client is in its round; soft, for the page. */
export interface Progress {
  /** The round. */
  readonly round: number;
  /** The attempt. */
  readonly attempt: number;
  /** Local steps taken. */
  readonly step: number;
  /** Local steps in all. */
  readonly steps: number;
}

/** What the server says of an accepted update. */
export interface AcceptedUpdate {
  /** Its id. */
  readonly update: string;
  /** Whether it had been accepted before: a retry. */
  readonly repeated: boolean;
}

/** A seat as the administrator sees it. */
export interface SeatStatus {
  /** Its index. */
  readonly client: number;
  /** What it is for. */
  readonly role: SeatRole;
  /** Where it stands. */
  readonly state: SeatState;
  /** The client's own name; null before it enrols. */
  readonly name: string | null;
  /** r_k; null before it is settled. */
  readonly rank: number | null;
  /** n_k as last heard; null before. */
  readonly samples: number | null;
  /** When it last asked or sent anything; null before. */
  readonly lastContact: number | null;
  /** What it does now. */
  readonly activity: "absent" | "idle" | "sampled" | "training" | "uploaded";
  /** While it trains. */
  readonly progress: Progress | null;
}

/** Accuracy and mean loss of a classifier over held-out rows of several parties. */
export interface Score {
  /** 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
  /** Rows behind it. */
  readonly rows: number;
  /** Parties behind it. */
  readonly parties: number;
}

/** Mean loss of a language model over the predictions in held-out rows of several parties. */
export interface TokenScore extends Pick<Score, "parties"> {
  /** Mean cross-entropy, in nats a token. */
  readonly loss: number;
  /** e to its power: of so many tokens the model would have to guess evenly to do as well. */
  readonly perplexity: number;
  /** Predictions behind it. */
  readonly tokens: number;
}

/** Of a classifier or a language model. */
export type AnyScore = Score | TokenScore;

/** A published round, or with `round` 0 the initial bank. */
export interface RoundStatus {
  /** Rounds done with it: 0 for the initial bank. */
  readonly round: number;
  /** Attempts it took, 1 when the first succeeded; 0 for the initial bank. */
  readonly attempts: number;
  /** Clients sampled in the last attempt, ascending. */
  readonly sampled: readonly number[];
  /** Clients whose update counts, ascending. */
  readonly contributors: readonly number[];
  /** Σ n_k of them. */
  readonly samples: number;
  /** Of the clients' held-out rows, each row or prediction of the same weight; null until one reports. */
  readonly heldOut: AnyScore | null;
  /** Of the evaluators; null until one reports. */
  readonly evaluators: AnyScore | null;
  /** Accepted updates and choices, in all attempts at it. */
  readonly upBytes: MessageSizes;
  /** Downloads that were sent in all attempts at it, one of each client in each. */
  readonly downBytes: MessageSizes;
  /** Share of all components that a client has trained, 0 to 1. */
  readonly trainedShare: number;
  /** [modules][r]: score of each component after the round. */
  readonly scores: readonly (readonly number[])[];
  /** [modules][r]: how many contributors trained each component. */
  readonly selected: readonly (readonly number[])[];
  /** When its first attempt opened; null for the initial bank. */
  readonly openedAt: number | null;
  /** When its bank was published. */
  readonly publishedAt: number;
  /** SHA-256 of the encoded bank, hexadecimal. */
  readonly bankDigest: string;
}

/** The attempt that is in progress. */
export interface CurrentRound {
  /** The round, counted from 0. */
  readonly round: number;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** Where it stands. */
  readonly state: RoundState;
  /** When it opened. */
  readonly openedAt: number;
  /** When it ends. */
  readonly deadline: number;
  /** Clients sampled, ascending. */
  readonly sampled: readonly number[];
  /** Clients whose update was accepted, ascending. */
  readonly received: readonly number[];
}

/** A message that was refused. */
export interface RejectStatus {
  /** When. */
  readonly time: number;
  /** The client's index; null where the sender is not known. */
  readonly client: number | null;
  /** The round the message named; null where it named none. */
  readonly round: number | null;
  /** Why. */
  readonly reason: RejectReason;
  /** In a sentence. */
  readonly detail: string;
}

/** A run in a list. */
export interface RunSummaryStatus {
  /** Its identifier. */
  readonly run: string;
  /** Its name. */
  readonly name: string;
  /** Where it stands. */
  readonly state: RunState;
  /** Rounds done. */
  readonly roundsDone: number;
  /** Rounds in all. */
  readonly rounds: number;
  /** When it was created. */
  readonly createdAt: number;
}

/** A run as the administrator and the dashboard see it. */
export interface RunStatus extends RunSummaryStatus {
  /** Changes with everything below but contacts and progress. */
  readonly revision: number;
  /** What is trained. */
  readonly task: Task;
  /** Labels of a classifier; 0 of a language model. */
  readonly labels: number;
  /** Names of the adapted modules, in the order of `scores`. */
  readonly modules: readonly string[];
  /** The server's rank r. */
  readonly rank: number;
  /** Base model, method and numbers of the manifest, for people. */
  readonly facts: {
    readonly model: string;
    readonly method: string;
    readonly ranks: string;
    readonly seats: number;
    readonly perRound: number;
    readonly quorum: number;
    readonly deadlineSeconds: number;
  };
  /** Attempts that missed their quorum, over all rounds. */
  readonly retries: number;
  /** The attempt in progress; null when there is none. */
  readonly current: CurrentRound | null;
  /** Clients and evaluators, ascending. */
  readonly seats: readonly SeatStatus[];
  /** Published rounds, ascending, the initial bank first. */
  readonly published: readonly RoundStatus[];
  /** Refused messages by reason, over the whole run. */
  readonly rejectCounts: Readonly<Partial<Record<RejectReason, number>>>;
  /** The latest refused messages, newest first, at most 100. */
  readonly rejects: readonly RejectStatus[];
  /** The server's clock. */
  readonly serverTime: number;
}

/** An invitation as it is shown once, to the administrator. */
export interface Invitation {
  /** The seat. */
  readonly client: number;
  /** What it is for. */
  readonly role: SeatRole;
  /** The secret; only its hash is stored. */
  readonly token: string;
}
