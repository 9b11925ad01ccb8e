/** Reading an adapter that PEFT, or something that writes as it does, has stored. @module */

import type { ModuleComponents, NamedTensor } from "../protocol/bank.ts";
import { allComponents, scatterComponents } from "../protocol/components.ts";
import { firstRepeated } from "../protocol/first_repeated.ts";
import { decodeSafetensors, type SafetensorsTensor, toFloat32 } from "../protocol/safetensors.ts";
import { shown } from "../protocol/shown.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { PEFT_METADATA, PEFT_PREFIX, PeftError, type PeftFiles, requireFinite } from "./peft.ts";
import { type LoraConfig, readLoraConfig } from "./peft_config.ts";

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
  /** PEFT's name of what the model is for, such as "SEQ_CLS" or "CAUSAL_LM"; null where it is not told. */
  readonly task: string | null;
  /** Hub id or path of the model that it was trained on; null where it is not told. */
  readonly baseModel: string | null;
  /** That model's `modelHash`; null where it is not told, which only this program does. */
  readonly baseHash: string | null;
  /** The label set, in the order of the logits; null where it is not told, which only this program does. */
  readonly labels: readonly string[] | null;
  /** How its texts were read, unchecked; null where it is not told, which only this program does. */
  readonly reading: Readonly<Record<string, unknown>> | null;
}

/** The tensors of a file, by the names that they have in the model. */
interface LoraTensors {
  /** Names of the adapted modules, ascending. */
  readonly modules: readonly string[];
  /** Names of the other tensors, ascending. */
  readonly others: readonly string[];
  readonly byName: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Reads an adapter folder. rank_pattern, alpha_pattern and use_rslora are honoured: ΔW = B·A of every returned module is PEFT's, up to one
 * rounding of B to float32. Tensors may have the names of PEFT's files, or those of its models in memory, which name the adapter "default" too.
 *
 * Whether the adapter belongs to a model, `fitAdapter` tells.
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
  const config = readLoraConfig(files["adapter_config.json"]);
  const { tensors: stored, metadata } = decodeSafetensors(files["adapter_model.safetensors"]);
  const tensors = sortTensors(stored);
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
    task: config.task,
    baseModel: config.baseModel,
    baseHash: metadata[PEFT_METADATA.baseHash] ?? null,
    labels: readLabels(metadata[PEFT_METADATA.labels]),
    reading: readReading(metadata[PEFT_METADATA.reading]),
  };
}

function readReading(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null;
  const reading = parsed(text);
  if (typeof reading === "object" && reading !== null && !Array.isArray(reading)) {
    return reading as Record<string, unknown>;
  }
  throw new PeftError(
    `Cannot import the adapter: expected ${PEFT_METADATA.reading} to be a JSON object, got ${text}`,
  );
}

function readLabels(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const labels = parsed(text);
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === "string")) {
    throw new PeftError(
      `Cannot import the adapter: expected ${PEFT_METADATA.labels} to be a list of texts, got ${text}`,
    );
  }
  const twice = firstRepeated(labels);
  if (twice === undefined) return labels;
  throw new PeftError(
    `Cannot import the adapter: expected ${PEFT_METADATA.labels} to be distinct, got ${
      shown(twice)
    } twice`,
  );
}

/** What a JSON text says; undefined where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sortTensors(stored: ReadonlyMap<string, SafetensorsTensor>): LoraTensors {
  const byName = new Map<string, SafetensorsTensor>();
  for (const [stated, tensor] of stored) {
    const name = modelName(stated);
    if (byName.has(name)) {
      throw new PeftError(
        `Cannot import tensor "${stated}": adapter_model.safetensors has "${name}" twice`,
      );
    }
    byName.set(name, tensor);
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

/** A tensor's name in the model: without what PEFT puts before it, and without the adapter's own name. */
function modelName(stated: string): string {
  const name = stated.startsWith(PEFT_PREFIX) ? stated.slice(PEFT_PREFIX.length) : stated;
  return name.replace(/\.modules_to_save\.default\./, ".")
    .replace(/\.(lora_[A-Za-z_]+)\.default(?=\.|$)/, ".$1");
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
  config: LoraConfig,
  byName: ReadonlyMap<string, SafetensorsTensor>,
): ModuleComponents {
  if (!config.targets(name)) {
    throw new PeftError(
      `Cannot import "${name}": target_modules in adapter_config.json does not name it`,
    );
  }
  const { rank, scale } = config.scaleOf(name);
  const a = readTensor(loraAName(name), byName, [rank, undefined]);
  const b = readTensor(loraBName(name), byName, [undefined, rank]);
  const scaled = b.data.map((value) => scale * value);
  requireFinite(`import "${b.name}" at scale ${scale}`, scaled);
  return { name, inFeatures: a.shape[1], outFeatures: b.shape[0], a: a.data, b: scaled };
}

function rankOf({ a, inFeatures }: ModuleComponents): number {
  return a.length / inFeatures;
}
