/** Reading what an adapter_config.json says of the numbers beside it. @module */

import { PeftError, SEQUENCE_HEADS } from "./peft.ts";

/** What a config says. */
export interface LoraConfig {
  /** Hub id or path of the model that the adapter was trained on; null where it is not told. */
  readonly baseModel: string | null;
  /** PEFT's name of what the model is for: "SEQ_CLS", "CAUSAL_LM" and others; null where it is not told. */
  readonly task: string | null;
  /** The factor s of a module's ΔW = s·B·A, and its rank. */
  scaleOf(module: string): { readonly rank: number; readonly scale: number };
  /** Whether PEFT adapts a module of this name. */
  targets(module: string): boolean;
  /** Entries of modules_to_save, PEFT's own for the task included. */
  readonly saved: readonly string[];
}

/** Settings that change what the numbers mean, with the values under which they mean plain LoRA. Absent, null or an empty list is PEFT's default, which is among them. */
const PLAIN_LORA: Readonly<Record<string, readonly unknown[]>> = {
  alora_invocation_tokens: [],
  arrow_config: [],
  bias: ["none"],
  // PiSSA, OLoRA, LoftQ and others change the base weights as well.
  init_lora_weights: [true, false, "gaussian", "eva", "orthogonal"],
  layer_replication: [],
  lora_bias: [false],
  target_parameters: [],
  trainable_token_indices: [],
  use_dora: [false],
  use_qalora: [false],
};

/**
 * Reads a config. fan_in_fan_out is not looked at: it tells how the base's weight is stored, and A and B are the same either way.
 *
 * @throws PeftError naming the setting that is not plain LoRA's, or not what it should be.
 */
export function readLoraConfig(text: string): LoraConfig {
  const config = parseObject(text);
  if (config.peft_type !== "LORA") throw unexpected("peft_type", '"LORA"', config.peft_type);
  for (const [key, values] of Object.entries(PLAIN_LORA)) {
    const value = config[key] ?? null;
    const empty = value === null || Array.isArray(value) && value.length === 0;
    if (empty || values.includes(value)) continue;
    throw unexpected(key, values.map((one) => JSON.stringify(one)).join(" or ") || "null", value);
  }
  const r = readNumber("r", config.r, isRank);
  const alpha = readNumber("lora_alpha", config.lora_alpha, Number.isFinite);
  const rankPattern = readPattern("rank_pattern", config.rank_pattern, isRank);
  const alphaPattern = readPattern("alpha_pattern", config.alpha_pattern, Number.isFinite);
  const saved = readNames("modules_to_save", config.modules_to_save ?? []);
  const task = readText("task_type", config.task_type);
  return {
    baseModel: readText("base_model_name_or_path", config.base_model_name_or_path),
    task,
    scaleOf(module) {
      const rank = patternValue(rankPattern, module) ?? r;
      // Kalajdzievski 2023: rank-stabilised LoRA divides by √r.
      const divisor = config.use_rslora === true ? Math.sqrt(rank) : rank;
      return { rank, scale: (patternValue(alphaPattern, module) ?? alpha) / divisor };
    },
    targets: readTargets(config.target_modules ?? "all-linear"),
    saved: task === "SEQ_CLS" ? [...new Set([...saved, ...SEQUENCE_HEADS])] : saved,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PeftError(`Cannot read adapter_config.json: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PeftError(
      `Cannot read adapter_config.json: expected an object, got ${JSON.stringify(value)}`,
    );
  }
  return value as Record<string, unknown>;
}

function isRank(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function readNumber(key: string, value: unknown, accepts: (value: number) => boolean): number {
  if (typeof value === "number" && accepts(value)) return value;
  throw unexpected(key, accepts === isRank ? "a whole number of at least 1" : "a number", value);
}

function readText(key: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  throw unexpected(key, "a text", value);
}

function readNames(key: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw unexpected(key, "a list of names", value);
}

function readPattern(
  key: string,
  value: unknown,
  accepts: (value: number) => boolean,
): Map<string, number> {
  const pattern = value ?? {};
  if (typeof pattern !== "object" || Array.isArray(pattern)) {
    throw unexpected(key, "an object", value);
  }
  return new Map(
    Object.entries(pattern).map((
      [name, one],
    ) => [name, readNumber(`${key}.${name}`, one, accepts)]),
  );
}

/** Names or their last parts in a list, a pattern of whole names in a text. */
function readTargets(targets: unknown): LoraConfig["targets"] {
  if (targets === "all-linear") return () => true;
  if (typeof targets === "string") {
    const pattern = compilePattern(`^(${targets})$`, targets);
    return (module) => pattern.test(module);
  }
  const names = readNames("target_modules", targets);
  return (module) => names.some((name) => `.${module}`.endsWith(`.${name}`));
}

function unexpected(key: string, expected: string, got: unknown): PeftError {
  return new PeftError(
    `Cannot import the adapter: expected "${key}" in adapter_config.json to be ${expected}, got ${
      JSON.stringify(got) ?? "nothing"
    }`,
  );
}

/** The value of the first pattern that matches a module's name or its last parts, as PEFT's get_pattern_key looks for it. */
function patternValue(pattern: ReadonlyMap<string, number>, module: string): number | undefined {
  for (const [key, value] of pattern) {
    if (compilePattern(`^(.*\\.)?(${key})$`, key).test(module)) return value;
  }
}

function compilePattern(source: string, given: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    throw new PeftError(
      `Cannot import the adapter: "${given}" in adapter_config.json is not a pattern of names`,
    );
  }
}
