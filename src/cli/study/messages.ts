/**
 * What a study and its workers say to one another: a line of JSON each. The study sends a run's settings ({@linkcode RunConfig}) and hears
 * {@linkcode Told} until the run has ended.
 *
 * @module
 */

import type { StudyRun } from "../../study/result.ts";

/** What a worker finds out about a run; the study knows the rest. */
export type FinishedRun = Pick<StudyRun, "facts" | "rounds" | "summary">;

/** Why a run did not finish: its numbers did not stay finite, its settings or files do not fit, or anything else. */
export interface Failure {
  readonly cause: "diverged" | "user" | "fault";
  /** A sentence; of a fault with its stack. */
  readonly message: string;
}

/** What a worker tells. */
export type Told =
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "round"; readonly round: number }
  | { readonly kind: "done"; readonly run: FinishedRun }
  | { readonly kind: "failed"; readonly failure: Failure };
