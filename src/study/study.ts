/**
 * A study as its file describes it: methods compared over seeds in cells, a cell being one variant of data and partition.
 *
 * @module
 */

import type { RunConfig } from "../federated/run_config.ts";

/** Settings of a run by their names in configuration files; those of later levels replace those of earlier ones. */
export type StudySettings = Partial<RunConfig>;

/** Runs to make: every method in every cell with every seed. */
export interface GridPart {
  /** Names of cells. */
  readonly cells: readonly string[];
  /** Names of methods. */
  readonly methods: readonly string[];
  /** Seeds of the runs. */
  readonly seeds: readonly number[];
}

/** How each method's learning rates are found before the grid is run, on validation rows. */
export interface TuningPlan {
  /** The cell it is done in. */
  readonly cell: string;
  /** One seed, of none of the grid's runs. */
  readonly seed: number;
  /** Settings of each trial; every method gets the same ones. */
  readonly trials: readonly StudySettings[];
  /** Settings of all trials, for instance fewer rounds. */
  readonly settings: StudySettings;
}

/** Numbers of a run that methods are compared by. */
export const runMetrics = [
  "testAtFinal",
  "testAtBest",
  "final",
  "best",
  "worstClient",
  "finalLoss",
  "roundsToTarget",
  "bytesToTarget",
] as const;

/**
 * `testAtFinal`, `testAtBest`: accuracy on the test rows after the last round, and after the round of the best validation accuracy. `final`, `best`:
 * accuracy on the validation rows. `worstClient`: the lowest accuracy that any client sees after the last round, weighted by its own labels.
 * `finalLoss`: mean validation cross-entropy after the last round. `roundsToTarget`, `bytesToTarget`: rounds, and encoded bytes up, until the validation
 * accuracy first reaches a target.
 */
export type RunMetric = typeof runMetrics[number];

/** What a claim can compare by. */
export const metrics = [...runMetrics, "roundsToRivalsBest"] as const;

/**
 * A number of each run; or `roundsToRivalsBest`, which only two runs of a seed have together: rounds until the validation accuracy first reaches the
 * best one of the run it is compared with.
 */
export type Metric = typeof metrics[number];

/** A claim that one method does better than another, or not worse by more than a margin; the report says whether it holds. */
export interface Claim {
  /** The claim as a sentence. */
  readonly text: string;
  /** What is compared. */
  readonly metric: Metric;
  /** The method said to be better. */
  readonly method: string;
  /** The method it is compared with. */
  readonly than: string;
  /** It holds when the interval of the paired difference (method − than; for rounds and bytes than / method) lies above this; default 0, for ratios 1. */
  readonly margin?: number;
  /** The cells it is looked at in; default: all that have both methods. */
  readonly cells?: readonly string[];
}

/** A study. */
export interface Study {
  /** For the report's title. */
  readonly name: string;
  /** Settings of every run. */
  readonly settings: StudySettings;
  /** Variants of data and partition, by name. */
  readonly cells: Readonly<Record<string, StudySettings>>;
  /** Methods by name, with the settings that make them; without `method` among them the name is the method's own. */
  readonly methods: Readonly<Record<string, StudySettings>>;
  /** What is run. */
  readonly grid: readonly GridPart[];
  /** Absent: all methods run at the rates of their settings. */
  readonly tuning?: TuningPlan;
  /** Validation accuracies, 0 to 1, to which rounds and bytes are counted, by cell. */
  readonly targets: Readonly<Record<string, number>>;
  /** The method whose scores the others' are set against in the report's tables; absent: the one that most claims compare with. */
  readonly baseline?: string;
  /** Claims to check. */
  readonly claims: readonly Claim[];
  /** Scores from elsewhere that stand in the tables for comparison, by cell: name and accuracy on test rows, 0 to 1. */
  readonly references: Readonly<Record<string, readonly Reference[]>>;
}

/** A score that was not made by this study. */
export interface Reference {
  /** What was measured, and by whom. */
  readonly name: string;
  /** 0 to 1. */
  readonly accuracy: number;
}
