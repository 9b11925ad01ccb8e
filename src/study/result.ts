/**
 * A finished run of a study, as it is kept: one JSON file a run, from which the report is made.
 *
 * @module
 */

import type { RunConfig } from "../federated/run_config.ts";
import type { RoundRecord, RunFacts, RunSummary } from "../protocol/records.ts";
import type { RunPlace } from "./run_place.ts";

/** The format this version writes and reads. */
export const studyRunKind = "hafl-study-run-1";

/** A finished run. */
export interface StudyRun extends RunPlace {
  /** The format. */
  readonly kind: typeof studyRunKind;
  /** All settings but those that say how and where it runs (`out`, `threads`, `device`, …), with file names without their folders. */
  readonly config: Partial<RunConfig>;
  /** SHA-256 of the data file's bytes, or the built-in corpus by name. */
  readonly data: string;
  /** Fingerprint of the base model. */
  readonly model: string;
  /** What the run found out before its first round. */
  readonly facts: RunFacts;
  /** Its rounds in order, without the scores and selections of single components. */
  readonly rounds: readonly StudyRound[];
  /** Its end; with test results where the settings ask for them. */
  readonly summary: RunSummary;
}

/** A round as a study keeps it. */
export interface StudyRound extends Omit<RoundRecord, "scores" | "selected" | "worstClient"> {
  /** The lowest accuracy, 0 to 1, that any client sees after the round, weighted by its own labels; absent in results of a version that did not measure it. */
  readonly worstClient?: number;
}

/** A run that could not be finished, kept in the place of its result, so that it is neither tried again unasked nor forgotten. */
export interface FailedRun extends RunPlace, Pick<StudyRun, "kind" | "config" | "data" | "model"> {
  /** Why, as a sentence. */
  readonly failed: string;
}
