/**
 * What a finished run is measured by: every {@linkcode RunMetric} of it, and what its tables and figures show besides.
 *
 * @module
 */

import { mean } from "./statistics.ts";
import type { StudyRun } from "./result.ts";
import type { Metric, RunMetric } from "./study.ts";

/** A metric's value in one run. */
export interface Reading {
  /** The value; where the target was never reached, what had gone by at the end of the run: the true value is larger. */
  readonly value: number;
  /** False where the target was never reached. */
  readonly reached: boolean;
}

/** Metrics of which less is better: the loss, and what a target takes, where a run may never get. */
export function comparesAsRatio(metric: Metric): boolean {
  return metric === "finalLoss" || metric === "roundsToTarget" || metric === "bytesToTarget" ||
    metric === "roundsToRivalsBest";
}

/**
 * A metric of a run.
 *
 * @param target validation accuracy, 0 to 1, that rounds and bytes are counted to
 * @returns undefined where the run does not know it: no test results, no target
 */
export function reading(run: StudyRun, metric: RunMetric, target?: number): Reading | undefined {
  if (metric === "finalLoss") return { value: run.summary.final.loss, reached: true };
  if (comparesAsRatio(metric)) {
    return target === undefined ? undefined : toTarget(run, metric, target);
  }
  const value = accuracyOf(run, metric);
  return value === undefined ? undefined : { value, reached: true };
}

function accuracyOf({ summary, rounds }: StudyRun, metric: RunMetric): number | undefined {
  switch (metric) {
    case "testAtFinal":
      return summary.test?.accuracyAtFinal;
    case "testAtBest":
      return summary.test?.accuracyAtBest;
    case "final":
      return summary.final.accuracy;
    case "best":
      return summary.best.accuracy;
    case "worstClient":
      return rounds[rounds.length - 1].worstClient;
    default:
      throw new TypeError(`Cannot read "${metric}" as an accuracy`);
  }
}

function toTarget({ rounds }: StudyRun, metric: RunMetric, target: number): Reading {
  const first = rounds.find(({ accuracy }) => accuracy >= target);
  const { round, cumulativeUp } = first ?? rounds[rounds.length - 1];
  return {
    value: metric === "roundsToTarget" ? round : cumulativeUp,
    reached: first !== undefined,
  };
}

/** How far the validation accuracy of the last round lies below that of the best one, 0 to 1. */
export function lateLoss({ summary }: StudyRun): number {
  return summary.best.accuracy - summary.final.accuracy;
}

/** What distribution costs the clients of one rank. */
export interface TierDrop {
  /** Their r_k. */
  readonly rank: number;
  /** Accuracy that the round before ended with, less what such a client holds when it arrives: mean over the rounds after the first. */
  readonly mean: number;
  /** The largest of these drops. */
  readonly largest: number;
}

/** Most that rounding can make of equal accuracies; a row more or less makes more. */
const ROUNDING = 1e-12;

/**
 * What distribution costs the clients of each rank, ranks ascending. Of the first round nothing can be told, as no accuracy stands before it; of a
 * round without a client of some rank nothing is told for that rank; and nothing where every client keeps a model of its own.
 */
export function tierDrops({ config, rounds }: StudyRun): TierDrop[] {
  if (config.aggregation === "local") return [];
  const drops = new Map<number, number[]>();
  rounds.slice(1).forEach(({ perTier }, index) => {
    for (const { rank, clients, accuracyAfterDistribution } of perTier) {
      if (clients === 0) continue;
      const drop = rounds[index].accuracy - accuracyAfterDistribution;
      drops.set(rank, [...drops.get(rank) ?? [], Math.abs(drop) < ROUNDING ? 0 : drop]);
    }
  });
  return [...drops].sort(([one], [other]) => one - other).map(([rank, values]) => ({
    rank,
    mean: mean(values),
    largest: Math.max(...values),
  }));
}
