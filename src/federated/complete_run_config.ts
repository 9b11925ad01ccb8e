/** From the settings that were given to all settings of a run. @module */

import { fullAttendance, sampledClients } from "./attendance.ts";
import { checkRemoteConfig, checkRunConfig } from "./check_run_config.ts";
import type { Task } from "../protocol/task.ts";
import { defaultConfig, type RunConfig } from "./run_config.ts";
import { usualServerLr } from "./settings/method.ts";

/** What the derived defaults take from the machine; handed in so that tests can fix it. */
export interface Surroundings {
  /** Logical processors. */
  readonly threads: number;
  /** Names the run's folder, in local time. */
  readonly now: Date;
}

/**
 * Settings of a new run: fills in what was not given and checks the settings against one another, those of its data too. A program with rows of its
 * own, which no setting names, takes {@linkcode completeRemoteConfig} where these refuse it: for a language model, or stripped posts.
 *
 * @throws UserError when two settings contradict each other.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { completeRunConfig } from "./complete_run_config.ts";
 * const config = completeRunConfig({ ranks: [2, 4], seqLen: 128 });
 * assert.equal(config.rank, 4);
 * assert.deepEqual(config.buckets, [64, 128]);
 * ```
 */
export function completeRunConfig(
  given: Partial<RunConfig>,
  surroundings: Surroundings = thisMachine(),
): RunConfig {
  const config = derive(given, surroundings);
  checkRunConfig(config);
  return config;
}

/**
 * As {@linkcode completeRunConfig}, of a run whose data no setting names: over HTTP they are with its clients, and a program may hand rows of its own to
 * `prepareFederation`.
 *
 * @throws UserError when two settings contradict each other.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { completeRemoteConfig } from "./complete_run_config.ts";
 * assert.equal(completeRemoteConfig({ task: "lm", model: "path/to/decoder" }).partition, "iid");
 * ```
 */
export function completeRemoteConfig(given: Partial<RunConfig>): RunConfig {
  const config = derive(given, thisMachine());
  checkRemoteConfig(config);
  return config;
}

function thisMachine(): Surroundings {
  return { threads: navigator.hardwareConcurrency, now: new Date() };
}

/** Fills in what was not given. */
function derive(given: Partial<RunConfig>, surroundings: Surroundings): RunConfig {
  const fixed = { ...defaultConfig, ...given };
  const seqLen = given.seqLen ?? (given.buckets ? Math.max(...given.buckets) : fixed.seqLen);
  return pool({
    ...fixed,
    seqLen,
    // Short posts are most of many corpora: a bucket of half the length spares half their cost.
    buckets: ascending(
      given.buckets ?? (isPacked(fixed) ? [seqLen] : [Math.ceil(seqLen / 2), seqLen]),
    ),
    textColumn: given.textColumn ?? usualTextColumn(fixed.task),
    // Texts need no labels, by which the usual partition deals.
    partition: given.partition ?? (fixed.task === "classify" ? fixed.partition : "iid"),
    rank: given.rank ?? Math.max(...fixed.ranks),
    serverLr: given.serverLr ?? usualServerLr[fixed.serverOptimizer],
    threads: given.threads ?? surroundings.threads,
    out: given.out ?? `runs/${timestamp(surroundings.now)}`,
  });
}

/** The column that holds what a task learns from. */
export function usualTextColumn(task: Task): string {
  return task === "chat" ? "messages" : defaultConfig.textColumn;
}

/** The centralised baseline of a federation: all rows on one client of the server's rank, and as many steps a round as its clients take together. */
function pool(config: RunConfig): RunConfig {
  if (!config.pooled) return config;
  return {
    ...config,
    ...fullAttendance,
    clients: 1,
    ranks: [config.rank],
    partition: "iid",
    localSteps: sampledClients(config, config.clients) * config.localSteps,
  };
}

/** Whether rows hold several texts, and so are of one length all. */
function isPacked({ task, packing }: Pick<RunConfig, "task" | "packing">): boolean {
  return task !== "classify" && packing;
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}

/** Local date and time as a folder name that sorts: 2025-03-01-142530. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}-` +
    two(date.getHours()) + two(date.getMinutes()) + two(date.getSeconds());
}
