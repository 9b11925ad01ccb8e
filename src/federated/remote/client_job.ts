/** What a client's loop works with, and what it tells. @module */

import type { AnyEvaluationReport, Progress } from "../../protocol/http/documents.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import type { ClientMemory } from "../client_memory.ts";
import type { Evaluation, TokenEvaluation } from "../../lora/evaluate.ts";
import type { ClientStore } from "./client_store.ts";
import type { Connection } from "./connection.ts";
import type { Seat } from "./seat.ts";

/** A model to score: the encoded bank, or an encoded download that holds all of it. */
export interface Scorable {
  /** Which of the two. */
  readonly kind: "bank" | "download";
  /** Encoded. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** How a model does on a client's rows. */
export type BankEvaluation = Omit<Evaluation, "perLabel"> | TokenEvaluation;

/** A round that a client has trained. */
export interface TrainedRound {
  /** The update, encoded. */
  readonly update: Uint8Array<ArrayBuffer>;
  /** [localSteps]: loss of each step, in nats. */
  readonly losses: Float64Array;
  /** For the next round. */
  readonly memory: ClientMemory;
}

/** Told of each local step, counted from 1, and how many there are. */
export type OnTrainerStep = (step: number, steps: number) => void;

/** Trains and scores, away from the thread that talks to the server: a worker, or in a test a function. */
export interface Trainer {
  /** Scores a model on the client's held-out rows, or an evaluator's rows. */
  evaluate(model: Scorable): Promise<BankEvaluation>;
  /**
   * Trains a round.
   *
   * @throws RoundFailure when this round cannot be trained but another may.
   */
  round(
    download: Uint8Array<ArrayBuffer>,
    memory: ClientMemory,
    onStep: OnTrainerStep,
  ): Promise<TrainedRound>;
}

/** A round that could not be trained: it diverged, or the device failed. The next may go well. */
export class RoundFailure extends Error {
  /** The class's name, for logs. */
  override name = "RoundFailure";
}

/** What a client's loop tells of itself. Rounds count from 0, `rounds` of a report are rounds done. */
export type ClientEvent =
  /** There is nothing to do until something changes elsewhere. */
  | { readonly kind: "waiting"; readonly reason: "clients" | "round" }
  /** A round begins. */
  | { readonly kind: "started"; readonly round: number; readonly attempt: number }
  /** A local step has been taken. */
  | ({ readonly kind: "step" } & Progress)
  /** A published bank was scored, and the score reported. */
  | { readonly kind: "scored"; readonly report: AnyEvaluationReport }
  /** An update was trained and accepted. */
  | {
    readonly kind: "round";
    readonly round: number;
    readonly losses: Float64Array;
    /** Of the bank that the round started from. */
    readonly heldOut: AnyEvaluationReport | undefined;
    /** Bytes of the messages. */
    readonly up: number;
    readonly down: number;
    readonly seconds: number;
  }
  /** An update that was trained before this start was accepted. */
  | { readonly kind: "delivered"; readonly round: number }
  /** An update was not wanted. */
  | { readonly kind: "dropped"; readonly round: number; readonly why: string }
  /** A round was trained in vain. */
  | { readonly kind: "failed"; readonly round: number; readonly why: string };

/** A client at work. */
export interface ClientJob {
  /** The way to the server. */
  readonly connection: Connection;
  /** Its place in the run. */
  readonly seat: Seat;
  /** The run's, checked. */
  readonly manifest: RunManifest;
  /** Keeps what it must not forget. */
  readonly store: ClientStore;
  /** Has its rows and the model. */
  readonly trainer: Trainer;
  /** Rows to score banks on; with none no bank is scored. */
  readonly heldOutRows: number;
  /** Hears of everything, in order. */
  readonly onEvent: (event: ClientEvent) => void;
}
