/** Rotary positions in a config.json, in each of the shapes that Hugging Face has given them. @module */

import { type ModelConfig, readPositive, unsupported } from "./config.ts";

/**
 * The base θ of the rotary angles. Newer configs hold it in "rope_parameters", older ones in "rope_theta" beside a "rope_scaling" that is null
 * where angles are not scaled.
 *
 * @throws UnsupportedModelError when the angles are scaled.
 */
export function readRopeTheta(config: ModelConfig): number {
  requireUnscaled(config, "rope_scaling");
  const parameters = requireUnscaled(config, "rope_parameters");
  return readPositive(parameters, "rope_theta", readPositive(config, "rope_theta", 10000));
}

/** The settings under `key`, {} when absent. */
function requireUnscaled(config: ModelConfig, key: string): ModelConfig {
  const value = config[key] ?? {};
  const expected = 'null or of rope_type "default"';
  if (typeof value !== "object" || Array.isArray(value)) throw unsupported(key, expected, value);
  const settings = value as ModelConfig;
  const type = settings.rope_type ?? settings.type ?? "default";
  if (type !== "default") throw unsupported(key, expected, value);
  return settings;
}
