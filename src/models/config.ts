/**
 * Settings of a config.json, checked one by one. A setting that is null counts as absent, as it does in Hugging Face's configs.
 *
 * @module
 */

import { ModelConfigError, UnsupportedModelError } from "./errors.ts";

/** A parsed config.json, not checked yet. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** A whole number of at least `least`. @throws ModelConfigError when it is absent (and there is no `fallback`) or something else. */
export function readWhole(
  config: ModelConfig,
  key: string,
  least: number,
  fallback?: number,
): number {
  const value = config[key] ?? fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw malformed(key, `a whole number of at least ${least}`, value);
}

/** A size: a whole number of at least 1. @throws ModelConfigError when it is absent or something else. */
export function readSize(config: ModelConfig, key: string, fallback?: number): number {
  return readWhole(config, key, 1, fallback);
}

/** Layers of the deepest model worth believing in; a file that claims more would be built for hours before its tensors are missed. */
const MOST_LAYERS = 1000;

/** A number of layers. @throws ModelConfigError when it is absent, beyond {@linkcode MOST_LAYERS}, or something else. */
export function readLayers(config: ModelConfig, key: string): number {
  const layers = readSize(config, key);
  if (layers <= MOST_LAYERS) return layers;
  throw malformed(key, `a whole number from 1 to ${MOST_LAYERS}`, layers);
}

/** A finite number above `bound`. @throws ModelConfigError when it is absent (and there is no `fallback`) or something else. */
export function readAbove(
  config: ModelConfig,
  key: string,
  bound: number,
  fallback?: number,
): number {
  const value = config[key] ?? fallback;
  if (typeof value === "number" && Number.isFinite(value) && value > bound) return value;
  throw malformed(key, `a finite number above ${bound}`, value);
}

/** A finite number above 0. @throws ModelConfigError when it is absent (and there is no `fallback`) or something else. */
export function readPositive(config: ModelConfig, key: string, fallback?: number): number {
  return readAbove(config, key, 0, fallback);
}

/** true or false. @throws ModelConfigError when it is something else. */
export function readFlag(config: ModelConfig, key: string, fallback: boolean): boolean {
  const value = config[key] ?? fallback;
  if (typeof value === "boolean") return value;
  throw malformed(key, "true or false", value);
}

/** Throws UnsupportedModelError unless the setting is absent or has the one value that is implemented. */
export function requireValue(config: ModelConfig, key: string, only: string | boolean): void {
  const value = config[key] ?? only;
  if (value !== only) throw unsupported(key, JSON.stringify(only), value);
}

/** Throws ModelConfigError unless `divisor` divides the setting `key`, whose value is `value`. */
export function requireDivisor(
  key: string,
  value: number,
  divisorKey: string,
  divisor: number,
): void {
  if (value % divisor === 0) return;
  throw new ModelConfigError(
    `Cannot read config.json: expected "${key}" to be a multiple of "${divisorKey}" (${divisor}), got ${value}`,
  );
}

/** The error for a setting whose value no family implements. */
export function unsupported(key: string, expected: string, got: unknown): UnsupportedModelError {
  return new UnsupportedModelError(
    `Cannot use this model: expected "${key}" in config.json to be ${expected}, got ${show(got)}`,
  );
}

function malformed(key: string, expected: string, got: unknown): ModelConfigError {
  return new ModelConfigError(
    got === undefined
      ? `Cannot read config.json: it has no "${key}"; expected ${expected}`
      : `Cannot read config.json: expected "${key}" to be ${expected}, got ${show(got)}`,
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
