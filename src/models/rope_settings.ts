/** Rotary positions in a config.json, in each of the shapes that Hugging Face has given them. @module */

import { ropeFrequencies } from "../engine/ops/rope.ts";
import { type ModelConfig, readAbove, readPositive, readSize, unsupported } from "./config.ts";
import { ModelConfigError } from "./errors.ts";

/** How a kind of rotary positions changes the angles that plain ones turn by. */
type Scaling = (frequencies: Float64Array, settings: ModelConfig) => Float64Array;

/** By Hugging Face's rope_type. */
const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: (frequencies) => frequencies,
  linear: (frequencies, settings) => {
    const factor = readPositive(settings, "factor");
    return frequencies.map((frequency) => frequency / factor);
  },
  llama3: scaleByBand,
};

/**
 * The angles that the pairs of a head turn by at each position, [D/2]. Newer configs hold their settings in "rope_parameters", older ones in "rope_theta"
 * beside a "rope_scaling" that is null where angles are not scaled.
 *
 * @throws UnsupportedModelError when the angles are scaled in a way that is not implemented.
 * @throws ModelConfigError when a setting of the scaling is missing or malformed.
 */
export function readRopeFrequencies(config: ModelConfig, headSize: number): Float64Array {
  if (headSize % 2 !== 0) {
    throw new ModelConfigError(
      `Cannot read config.json: expected an even head size for rotary positions, got ${headSize}`,
    );
  }
  const parameters = readSettings(config, "rope_parameters");
  const theta = readPositive(parameters, "rope_theta", readPositive(config, "rope_theta", 10000));
  const scaling = readSettings(config, "rope_scaling");
  const settings = typeOf(scaling) === "default" ? parameters : scaling;
  return SCALINGS[typeOf(settings)](ropeFrequencies(headSize, theta), settings);
}

/**
 * Llama 3.1's scaling: pairs that turn fewer than low_freq_factor times in the original context turn `factor` times slower, those that turn more than
 * high_freq_factor times as before, and those between in proportion.
 */
function scaleByBand(frequencies: Float64Array, settings: ModelConfig): Float64Array {
  const factor = readPositive(settings, "factor");
  const low = readPositive(settings, "low_freq_factor");
  const high = readAbove(settings, "high_freq_factor", low);
  const context = readSize(settings, "original_max_position_embeddings");
  return frequencies.map((frequency) => {
    const turns = context * frequency / (2 * Math.PI);
    const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1);
    return frequency * (kept + (1 - kept) / factor);
  });
}

/** The settings under `key`, {} when absent. @throws UnsupportedModelError unless their type is implemented. */
function readSettings(config: ModelConfig, key: string): ModelConfig {
  const value = config[key] ?? {};
  const expected = `null or of rope_type ${Object.keys(SCALINGS).join(", ")}`;
  if (typeof value !== "object" || Array.isArray(value)) throw unsupported(key, expected, value);
  const settings = value as ModelConfig;
  if (!Object.hasOwn(SCALINGS, typeOf(settings))) throw unsupported(key, expected, value);
  return settings;
}

/** Older configs call it "type". */
function typeOf(settings: ModelConfig): string {
  return String(settings.rope_type ?? settings.type ?? "default");
}
