/** Choosing each method's settings among the trials of a tuning. @module */

import { gridMethods } from "./grid.ts";
import type { FailedRun, StudyRun } from "./result.ts";
import type { Study, StudySettings } from "./study.ts";
import { hasFailed } from "./study_results.ts";

/** The format this version writes. */
export const tuningKind = "hafl-study-tuning-1";

/** What a trial reached; null twice when it failed. */
export interface TrialScore {
  /** What the trial set. */
  readonly settings: StudySettings;
  /** Validation accuracy after the last round, 0 to 1. */
  readonly accuracy: number | null;
  /** Mean validation cross-entropy after the last round, in nats. */
  readonly loss: number | null;
}

/** A method's trials. */
export interface TunedMethod {
  /** Place of the best trial, from 0; null when all failed. */
  readonly chosen: number | null;
  /** In the order of the tuning. */
  readonly trials: readonly TrialScore[];
}

/** The outcome of a study's tuning, as its folder keeps it. */
export interface TuningChoices {
  /** The format. */
  readonly kind: typeof tuningKind;
  /** The cell it was done in. */
  readonly cell: string;
  /** Its seed. */
  readonly seed: number;
  /** By method, those whose trials have all ended. */
  readonly methods: Readonly<Record<string, TunedMethod>>;
}

/**
 * Chooses for every method whose trials have all ended.
 *
 * @param ended what the trials that have ended came to
 */
export function chooseTrials(
  study: Study,
  ended: readonly (StudyRun | FailedRun)[],
): TuningChoices | undefined {
  const { tuning } = study;
  if (tuning === undefined) return undefined;
  const { cell, seed, trials } = tuning;
  const methods: Record<string, TunedMethod> = {};
  for (const method of gridMethods(study)) {
    const outcomes = trials.map((_, trial) =>
      ended.find((run) => run.method === method && run.trial === trial)
    );
    if (outcomes.includes(undefined)) continue;
    const scores = outcomes.map((outcome, trial) => scoreOf(trials[trial], outcome!));
    methods[method] = { chosen: bestOf(scores), trials: scores };
  }
  return { kind: tuningKind, cell, seed, methods };
}

/** The settings chosen, by method; those of methods that have none are left out. */
export function chosenSettings(
  { methods }: Pick<TuningChoices, "methods">,
): Record<string, StudySettings> {
  return Object.fromEntries(
    Object.entries(methods).flatMap(([method, { chosen, trials }]) =>
      chosen === null ? [] : [[method, trials[chosen].settings]]
    ),
  );
}

function scoreOf(settings: StudySettings, outcome: StudyRun | FailedRun): TrialScore {
  if (hasFailed(outcome)) return { settings, accuracy: null, loss: null };
  const { accuracy, loss } = outcome.summary.final;
  return { settings, accuracy, loss };
}

/** The highest accuracy; among equals the lowest loss, then the first. */
function bestOf(scores: readonly TrialScore[]): number | null {
  let best: number | null = null;
  scores.forEach(({ accuracy, loss }, place) => {
    if (accuracy === null || loss === null) return;
    const leader = best === null ? undefined : scores[best];
    const better = leader === undefined || accuracy > leader.accuracy! ||
      (accuracy === leader.accuracy && loss < leader.loss!);
    if (better) best = place;
  });
  return best;
}
