/** The part of a run's settings that travels in its manifest, and the way back. @module */

import { UserError } from "../../protocol/errors.ts";
import type { RunManifest } from "../../protocol/manifest.ts";
import { readSettings } from "../read_settings.ts";
import { completeRunConfig, type RunConfig } from "../run_config.ts";

/** Settings of `manifest.training`: what local training depends on and the server does not look at. A client takes no other ones from a server. */
const trainingKeys = [
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
  "schedule",
  "warmupSteps",
  "evalBatch",
] as const satisfies readonly (keyof RunConfig)[];

/** The settings of local training, for a manifest. */
export function trainingSettings(config: RunConfig): RunManifest["training"] {
  const picked = Object.fromEntries(trainingKeys.map((key) => [key, config[key]]));
  return { ...picked, localSteps: config.localSteps };
}

/**
 * The settings that a manifest stands for, checked as a configuration file is. What concerns data, devices and files has its default.
 *
 * @throws UserError when one is missing, not allowed, or not known to this version.
 */
export function manifestConfig(manifest: RunManifest): RunConfig {
  const { name, training, layout, alpha, rounds, seed, method, participation } = manifest;
  const unknown = Object.keys(training).find((key) => !trainingKeys.some((own) => own === key));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot use the manifest of "${name}": it has the setting "${unknown}", which this version does not know; update this program`,
    );
  }
  // A default of this version may not be the one that the run was made with.
  const missing = trainingKeys.find((key) => !Object.hasOwn(training, key));
  if (missing !== undefined) {
    throw new UserError(
      `Cannot use the manifest of "${name}": it lacks the setting "${missing}"; it was made by another version of this program`,
    );
  }
  const { rank } = layout;
  const raw = { ...training, ...method, rank, alpha, rounds, seed };
  const given = readSettings(raw, (key) => `"${key}" in the manifest of "${name}"`);
  return completeRunConfig({ ...given, ranks: [rank], clients: participation.seats });
}
