/** The part of a run's settings that travels in its manifest, and the way back. @module */

import { UserError } from "../../protocol/errors.ts";
import type { RunManifest, ServerMethod } from "../../protocol/manifest.ts";
import { taskOf } from "../../protocol/manifest_task.ts";
import { serverOptimizerSettings } from "../../protocol/server_optimizer.ts";
import { readSettings } from "../read_settings.ts";
import type { Task } from "../../protocol/task.ts";
import { completeRemoteConfig } from "../complete_run_config.ts";
import { laterSettings } from "../later_settings.ts";
import type { RunConfig } from "../run_config.ts";

/** Settings of `manifest.training`: what local training depends on and the server does not look at. A client takes no other ones from a server. */
export const trainingKeys = [
  "pooling",
  "targets",
  "loraDropout",
  "dropout",
  "seqLen",
  "buckets",
  "score",
  "beta1",
  "beta2",
  "optimizerState",
  "localSteps",
  "batch",
  "optimizer",
  "lr",
  "headLr",
  "weightDecay",
  "adamBeta1",
  "adamBeta2",
  "adamEps",
  "clipNorm",
  "proximal",
  "schedule",
  "warmupSteps",
  "evalBatch",
] as const satisfies readonly (keyof RunConfig)[];

/** Further ones of a language model. */
export const languageTrainingKeys = ["packing"] as const satisfies readonly (keyof RunConfig)[];

/** Settings of `manifest.training` that are left out where they are what manifests of earlier versions, which lack them, stand for. */
export const laterTrainingKeys = ["accumulate", "lrByRank"] as const satisfies readonly (
  & keyof RunConfig
  & keyof typeof laterSettings
)[];

/** The part of `manifest.method` that is a setting of a simulated run too. */
export const methodKeys = [
  "method",
  "factors",
  "aggregation",
  "selection",
  "temperature",
  "rankBy",
  "scope",
  "warmupRounds",
] as const satisfies readonly (keyof ServerMethod)[];

/** Most of what a run can ask of a client: far above any use, far below what would be an attack on its memory or its time. */
const most = { localSteps: 1_000_000, batch: 65_536, accumulate: 65_536, evalBatch: 65_536 };

/** Most lengths of batches: each is a program of its own on the device. */
const MOST_BUCKETS = 64;

/** The settings of local training, for a manifest. */
export function trainingSettings(config: RunConfig): RunManifest["training"] {
  const later = laterTrainingKeys.filter((key) => config[key] !== laterSettings[key]);
  const keys = [...trainingKeysOf(config.task), ...later];
  return { ...pick(config, keys), localSteps: config.localSteps };
}

/** Settings that the manifests of a task all have. */
function trainingKeysOf(task: Task): readonly (keyof RunConfig)[] {
  return task === "classify" ? trainingKeys : [...trainingKeys, ...languageTrainingKeys];
}

/**
 * The settings that a manifest stands for, checked as a configuration file is. What concerns data, devices and files has its default.
 *
 * @throws UserError when one is missing, not allowed, beyond any use, or not known to this version.
 */
export function manifestConfig(manifest: RunManifest): RunConfig {
  const { name, training, layout, alpha, rounds, seed, method, participation } = manifest;
  const task = taskOf(manifest);
  const required = trainingKeysOf(task);
  const known: readonly string[] = [...required, ...laterTrainingKeys];
  const unknown = Object.keys(training).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot use the manifest of "${name}": it has the setting "${unknown}", which this version does not know; update this program`,
    );
  }
  // A default of this version may not be the one that the run was made with.
  const missing = required.find((key) => !Object.hasOwn(training, key));
  if (missing !== undefined) {
    throw new UserError(
      `Cannot use the manifest of "${name}": it lacks the setting "${missing}"; it was made by another version of this program`,
    );
  }
  const { rank } = layout;
  const server = method.serverOptimizer ? serverOptimizerSettings(method.serverOptimizer) : {};
  const shared = { task, rank, alpha, rounds, seed };
  const raw = {
    ...pick(laterSettings, laterTrainingKeys),
    ...training,
    ...pick(method, methodKeys),
    ...server,
    ...shared,
  };
  const nameOf = (key: string) => `"${key}" in the manifest of "${name}"`;
  const given = readSettings(raw, nameOf);
  checkBounds(given, nameOf);
  return completeRemoteConfig({ ...given, ranks: [rank], clients: participation.seats });
}

function checkBounds(given: Partial<RunConfig>, nameOf: (key: string) => string): void {
  const { buckets = [] } = given;
  if (buckets.length > MOST_BUCKETS) {
    throw new UserError(
      `Cannot use ${nameOf("buckets")}: expected at most ${MOST_BUCKETS}, got ${buckets.length}`,
    );
  }
  for (const [key, bound] of Object.entries(most)) {
    const value = given[key as keyof typeof most] ?? 0;
    if (value > bound) {
      throw new UserError(`Cannot use ${nameOf(key)}: expected at most ${bound}, got ${value}`);
    }
  }
}

function pick<T extends object>(from: T, keys: readonly (keyof T & string)[]) {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}
