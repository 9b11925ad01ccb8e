/** What the client's thread and its training worker say to each other. One question is open at a time. @module */

import type { DeviceInfo } from "../../engine/device.ts";
import type { DeviceChoice } from "../../federated/open_session.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import type { BankEvaluation, Scorable, TrainedRound } from "../../federated/remote/client_job.ts";
import type { ClientMemory } from "../../federated/client_memory.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import type { Preparation } from "../progress.ts";
import type { DataChoice } from "./client_data.ts";

/** Where the base model is; null: the built-in base. */
export interface ModelChoice extends Pick<RunConfig, "model" | "revision"> {
  /** Whether a person named it, and not the run. */
  readonly given: boolean;
}

/** What a worker needs to be ready. */
export interface OpenRequest {
  readonly manifest: RunManifest;
  readonly model: ModelChoice;
  readonly data: DataChoice;
  readonly device: DeviceChoice;
  readonly baseDtype: RunConfig["baseDtype"];
  readonly recompute: boolean;
  readonly offline: boolean;
  readonly cacheDir: string | null;
}

/** What is known once a worker is ready. */
export interface OpenedClient {
  /** Rows to train on, n_k. */
  readonly samples: number;
  /** Rows to score with. */
  readonly heldOut: number;
  readonly device: DeviceInfo;
}

/** Questions by name. */
export interface Questions {
  readonly open: OpenRequest;
  /** Seconds of a training step. */
  readonly measure: undefined;
  readonly evaluate: Scorable;
  readonly round: { readonly download: Uint8Array<ArrayBuffer>; readonly memory: ClientMemory };
  /** Ends what is under way and frees the device. */
  readonly close: undefined;
}

/** Their answers. */
export interface Answers {
  readonly open: OpenedClient;
  readonly measure: number;
  readonly evaluate: BankEvaluation;
  readonly round: TrainedRound;
  readonly close: undefined;
}

/** The names of the questions. */
export type Question = keyof Questions;

/** To the worker. */
export interface Asked<Name extends Question = Question> {
  readonly ask: Name;
  readonly with: Questions[Name];
}

/**
 * Why there is no answer. `user`: the person can mend it; `round`: this round went wrong, the next may not; `closed`: the worker was closed meanwhile;
 * `fault`: of the program.
 */
export interface Failure {
  readonly kind: "user" | "round" | "closed" | "fault";
  readonly message: string;
  readonly stack?: string | undefined;
}

/** From the worker. */
export type Told =
  | { readonly kind: "answer"; readonly to: Question; readonly value: Answers[Question] }
  | { readonly kind: "failed"; readonly to: Question; readonly failure: Failure }
  | { readonly kind: "step"; readonly step: number; readonly steps: number }
  | { readonly kind: "prepare"; readonly preparation: Preparation }
  | { readonly kind: "note"; readonly text: string };
