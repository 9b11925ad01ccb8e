/** Reading an adapter that PEFT, or something that writes as it does, has stored. @module */

import type { ModuleComponents, NamedTensor } from "../protocol/bank.ts";
import { allComponents, scatterComponents } from "../protocol/components.ts";
import { decodeSafetensors, type SafetensorsTensor, toFloat32 } from "../protocol/safetensors.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { PEFT_PREFIX, PeftError, type PeftFiles, requireFinite, SEQUENCE_HEADS } from "./peft.ts";

/** An adapter of one rank, with scale α / r = 1. */
export interface ImportedAdapter {
  /** The largest rank of any module; the others are padded to it with zero components. */
  readonly rank: number;
  /** Equal to the rank: each module's own scale is folded into its B. */
  readonly alpha: number;
  /** By name, ascending. */
  readonly modules: readonly ModuleComponents[];
  /** Tensors saved beside the adapter, by name, ascending. */
  readonly head: readonly NamedTensor[];
}

/** Settings that change what the numbers mean, with the values under which they mean plain LoRA. Absent or null is PEFT's default, which is among them. */
const PLAIN_LORA: Readonly<Record<string, readonly unknown[]>> = {
  alora_invocation_tokens: [],
  bias: ["none"],
  fan_in_fan_out: [false],
  // PiSSA, OLoRA, LoftQ and others change the base weights as well.
  init_lora_weights: [true, false, "gaussian"],
  layer_replication: [],
  lora_bias: [false],
  use_dora: [false],
  use_qalora: [false],
};

/** The config's part in ΔW. */
interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly rankPattern: ReadonlyMap<string, number>;
  readonly alphaPattern: ReadonlyMap<string, number>;
  readonly rankStabilised: boolean;
  readonly saved: readonly string[];
}

/** The tensors of a file, without PEFT's prefix. */
interface LoraTensors {
  /** Names of the adapted modules, ascending. */
  readonly modules: readonly string[];
  /** Names of the other tensors, ascending. */
  readonly others: readonly string[];
  readonly byName: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Reads an adapter folder. rank_pattern, alpha_pattern and use_rslora are honoured: ΔW = B·A of every returned module is PEFT's, up to one
 * rounding of B to float32.
 *
 * @throws PeftError naming the setting or tensor when it is not plain LoRA on linear layers, a tensor is missing, unknown or of a wrong shape,
 * or a number is not finite.
 * @throws SafetensorsError when the file of tensors is damaged.
 *
 * @example
 * ```ts
 * import { createBank } from "../protocol/bank.ts";
 * import { exportPeft } from "./peft.ts";
 * import { importPeft } from "./peft_import.ts";
 * const modules = [{ name: "encoder.query", inFeatures: 4, outFeatures: 6 }];
 * const bank = createBank({ modules, rank: 2, alpha: 4, seed: 1, head: [] });
 * const adapter = importPeft(exportPeft(bank, { baseModel: "bert-base-uncased", loraDropout: 0 }));
 * if (adapter.rank !== 2 || adapter.modules[0].outFeatures !== 6) throw new Error("unreachable");
 * ```
 */
export function importPeft(files: PeftFiles): ImportedAdapter {
  const config = readConfig(files["adapter_config.json"]);
  const tensors = readTensors(files["adapter_model.safetensors"]);
  const stranger = tensors.others.find((name) => !isSaved(name, config.saved));
  if (stranger !== undefined) {
    throw new PeftError(
      `Cannot import tensor "${stranger}": expected lora_A and lora_B weights of linear layers, and tensors of modules_to_save (${
        config.saved.join(", ")
      })`,
    );
  }
  const modules = tensors.modules.map((name) => readModule(name, config, tensors.byName));
  const rank = Math.max(...modules.map((module) => rankOf(module)));
  return {
    rank,
    alpha: rank,
    modules: modules.map((module) =>
      scatterComponents(module, rank, allComponents(rankOf(module)), module)
    ),
    head: tensors.others.map((name) => readTensor(name, tensors.byName)),
  };
}

function readConfig(text: string): LoraConfig {
  const config = parseObject(text);
  if (config.peft_type !== "LORA") throw unexpected("peft_type", '"LORA"', config.peft_type);
  for (const [key, values] of Object.entries(PLAIN_LORA)) {
    const value = config[key] ?? null;
    if (value === null || values.includes(value)) continue;
    throw unexpected(key, values.map((one) => JSON.stringify(one)).join(" or ") || "null", value);
  }
  const saved = config.modules_to_save ?? [];
  if (!Array.isArray(saved) || saved.some((name) => typeof name !== "string")) {
    throw unexpected("modules_to_save", "a list of names", saved);
  }
  return {
    rank: readNumber("r", config.r, isRank),
    alpha: readNumber("lora_alpha", config.lora_alpha, Number.isFinite),
    rankPattern: readPattern("rank_pattern", config.rank_pattern, isRank),
    alphaPattern: readPattern("alpha_pattern", config.alpha_pattern, Number.isFinite),
    rankStabilised: config.use_rslora === true,
    saved: config.task_type === "SEQ_CLS" ? [...new Set([...saved, ...SEQUENCE_HEADS])] : saved,
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

function unexpected(key: string, expected: string, got: unknown): PeftError {
  return new PeftError(
    `Cannot import the adapter: expected "${key}" in adapter_config.json to be ${expected}, got ${
      JSON.stringify(got) ?? "nothing"
    }`,
  );
}

function readTensors(file: Uint8Array): LoraTensors {
  const byName = new Map<string, SafetensorsTensor>();
  for (const [name, tensor] of decodeSafetensors(file).tensors) {
    if (!name.startsWith(PEFT_PREFIX)) {
      throw new PeftError(
        `Cannot import tensor "${name}": expected a name that starts with "${PEFT_PREFIX}"`,
      );
    }
    byName.set(name.slice(PEFT_PREFIX.length), tensor);
  }
  const names = [...byName.keys()].sort();
  const modules = new Set<string>();
  const others: string[] = [];
  for (const name of names) {
    const module = name.replace(/\.lora_[AB]\.weight$/, "");
    if (module === name) others.push(name);
    else modules.add(module);
  }
  if (modules.size === 0) {
    throw new PeftError(
      "Cannot import the adapter: adapter_model.safetensors has no LoRA tensors of linear layers",
    );
  }
  return { modules: [...modules], others, byName };
}

/** PEFT saves a module when its path ends with an entry of modules_to_save, as "pre_classifier" does with "classifier". */
function isSaved(tensor: string, saved: readonly string[]): boolean {
  const path = tensor.split(".").slice(0, -1);
  return !tensor.includes("lora_") &&
    path.some((_, n) => saved.some((entry) => path.slice(0, n + 1).join(".").endsWith(entry)));
}

function readTensor(
  name: string,
  byName: ReadonlyMap<string, SafetensorsTensor>,
  expected?: readonly (number | undefined)[],
): NamedTensor {
  const tensor = byName.get(name);
  if (tensor === undefined) {
    throw new PeftError(
      `Cannot import the adapter: adapter_model.safetensors has no "${PEFT_PREFIX}${name}"`,
    );
  }
  const { shape } = tensor;
  const fits = expected === undefined || shape.length === expected.length &&
      shape.every((size, n) => expected[n] === undefined || size === expected[n]);
  if (!fits) {
    throw new PeftError(
      `Cannot import "${name}": expected shape [${
        expected.map((size) => size ?? "any").join(", ")
      }], got [${shape.join(", ")}]`,
    );
  }
  const data = toFloat32(tensor.dtype, tensor.bytes);
  requireFinite(`import "${name}"`, data);
  return { name, shape, data };
}

/** A module at its own rank, its scale folded into B. */
function readModule(
  name: string,
  { rank, alpha, rankPattern, alphaPattern, rankStabilised }: LoraConfig,
  byName: ReadonlyMap<string, SafetensorsTensor>,
): ModuleComponents {
  const r = patternValue(rankPattern, name) ?? rank;
  const a = readTensor(loraAName(name), byName, [r, undefined]);
  const b = readTensor(loraBName(name), byName, [undefined, r]);
  // Kalajdzievski 2023: rank-stabilised LoRA divides by √r.
  const s = (patternValue(alphaPattern, name) ?? alpha) / (rankStabilised ? Math.sqrt(r) : r);
  const scaled = b.data.map((value) => s * value);
  requireFinite(`import "${b.name}" at scale ${s}`, scaled);
  return { name, inFeatures: a.shape[1], outFeatures: b.shape[0], a: a.data, b: scaled };
}

/** The value of the first pattern that matches a module's name or its last parts, as PEFT's get_pattern_key looks for it. */
function patternValue(pattern: ReadonlyMap<string, number>, module: string): number | undefined {
  for (const [key, value] of pattern) {
    if (compilePattern(key).test(module)) return value;
  }
}

function compilePattern(key: string): RegExp {
  try {
    return new RegExp(`^(.*\\.)?(${key})$`);
  } catch {
    throw new PeftError(
      `Cannot import the adapter: "${key}" in adapter_config.json is not a pattern of names`,
    );
  }
}

function rankOf({ a, inFeatures }: ModuleComponents): number {
  return a.length / inFeatures;
}
