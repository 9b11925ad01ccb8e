/**
 * Adapters as PEFT stores them: `adapter_config.json` and `adapter_model.safetensors`, as written since PEFT 0.12.
 *
 * @module
 */

import { isConv1D } from "../models/mod.ts";
import { type AdapterBank, scale } from "../protocol/bank.ts";
import { UserError } from "../protocol/errors.ts";
import { encodeSafetensors, type SafetensorsInput } from "../protocol/safetensors.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { type PeftLayout, type StoredModule, storedModules } from "./peft_layout.ts";

/** The files of an adapter folder. */
export interface PeftFiles {
  /** Its JSON text. */
  readonly "adapter_config.json": string;
  /** Its bytes. */
  readonly "adapter_model.safetensors": Uint8Array;
}

/** What a folder says of an adapter beside its numbers. */
export interface PeftSettings {
  /** Hub id or path of the model that the adapter was trained on. */
  readonly baseModel: string;
  /** Branch, tag or commit of a hub model; the hub's main branch when left out. */
  readonly revision?: string | null;
  /** The dropout that it was trained with, 0 ≤ p < 1; it does not matter for use. */
  readonly loraDropout: number;
  /** Which components are written; `uniform` when left out. */
  readonly layout?: PeftLayout;
  /** The base's `modelHash`, so that an import can tell another model of the same name. */
  readonly baseHash?: string;
  /** The label set, in the order of the logits; empty of a language model. */
  readonly labels?: readonly string[];
  /** How its texts were read, such as `{ "seqLen": 64, "pooling": "mean" }`: JSON that only who evaluates it understands. */
  readonly reading?: Readonly<Record<string, unknown>>;
}

/** Under which keys the file of tensors tells what PEFT's config has no place for. */
export const PEFT_METADATA = {
  baseHash: "hafl_base_hash",
  labels: "hafl_labels",
  reading: "hafl_reading",
} as const;

/** An adapter that cannot be written for PEFT, or files of PEFT's that cannot be read as an adapter. */
export class PeftError extends UserError {
  /** The class's name, for logs. */
  override name = "PeftError";
}

/** Before every tensor's name: PEFT wraps the model twice. */
export const PEFT_PREFIX = "base_model.model.";

/** Head modules that PEFT saves for task type SEQ_CLS whether they are listed or not. It wraps them whole, so nothing inside them may be listed. */
export const SEQUENCE_HEADS: readonly string[] = ["classifier", "score"];

/**
 * An adapter as the folder that PEFT would write, the same bytes for the same adapter.
 *
 * lora_alpha equals r, and in the compact layout each module's alpha its own rank, so that PEFT's scale is 1 everywhere: some servers read one scale
 * for all adapters, or none. The bank's scale s = α / r is therefore folded into B, which is stored as s·B: exact when s is a power of two, and
 * rounded to float32 otherwise.
 *
 * An adapter with a head is one of a sequence classifier (SEQ_CLS), any other one of a language model (CAUSAL_LM).
 *
 * @throws PeftError when a number is not finite, before anything is returned; it names the tensor.
 *
 * @example
 * ```ts
 * import { createBank } from "../protocol/bank.ts";
 * import { exportPeft } from "./peft.ts";
 * const modules = [{ name: "model.layers.0.self_attn.q_proj", inFeatures: 4, outFeatures: 6 }];
 * const bank = createBank({ modules, rank: 2, alpha: 4, seed: 1, head: [] });
 * const files = exportPeft(bank, { baseModel: "raincandy-u/TinyStories-656K", loraDropout: 0 });
 * const config = JSON.parse(files["adapter_config.json"]);
 * if (config.r !== 2 || config.lora_alpha !== 2) throw new Error("unreachable");
 * ```
 */
export function exportPeft(
  bank: Pick<AdapterBank, "rank" | "alpha" | "modules" | "head">,
  settings: PeftSettings,
): PeftFiles {
  const s = scale(bank);
  const modules = storedModules(bank.modules, bank.rank, settings.layout ?? "uniform");
  const tensors = [
    ...modules.flatMap(({ name, inFeatures, outFeatures, rank, a, b }) => [
      { name: loraAName(name), shape: [rank, inFeatures], data: a },
      { name: loraBName(name), shape: [outFeatures, rank], data: b.map((value) => s * value) },
    ]),
    ...bank.head,
  ].map(({ name, shape, data }): SafetensorsInput => {
    requireFinite(`export "${name}"`, data);
    return { name: PEFT_PREFIX + name, shape, data };
  });
  return {
    "adapter_config.json": JSON.stringify(configOf(modules, bank.head, settings), null, 2),
    "adapter_model.safetensors": encodeSafetensors(tensors, metadataOf(settings)),
  };
}

function metadataOf({ baseHash, labels = [], reading }: PeftSettings): Record<string, string> {
  return {
    format: "pt",
    ...(baseHash !== undefined && { [PEFT_METADATA.baseHash]: baseHash }),
    ...(labels.length > 0 && { [PEFT_METADATA.labels]: JSON.stringify(labels) }),
    ...(reading && { [PEFT_METADATA.reading]: JSON.stringify(reading) }),
  };
}

/** Throws PeftError, saying what could not be done, unless every number is finite. */
export function requireFinite(action: string, data: Float32Array): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new PeftError(
    `Cannot ${action}: expected finite numbers, got ${data[index]} at index ${index}`,
  );
}

/** The fields of PEFT 0.12's LoraConfig, sorted as PEFT sorts them; later versions take their defaults for the fields they added. */
function configOf(
  stored: readonly StoredModule[],
  head: AdapterBank["head"],
  { baseModel, revision, loraDropout }: PeftSettings,
): Record<string, unknown> {
  const modules = stored.toSorted((one, other) => one.name < other.name ? -1 : 1);
  const rank = Math.max(1, ...modules.map((module) => module.rank));
  const ownRanks = Object.fromEntries(
    modules.filter((module) => module.rank !== rank).map((module) => [module.name, module.rank]),
  );
  return {
    alpha_pattern: ownRanks,
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: modules.some(({ name }) => isConv1D(name)),
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: rank,
    lora_dropout: loraDropout,
    megatron_config: null,
    megatron_core: "megatron.core",
    modules_to_save: [...new Set(head.map(({ name }) => savedModule(name)))],
    peft_type: "LORA",
    r: rank,
    rank_pattern: ownRanks,
    revision: revision ?? null,
    target_modules: modules.map(({ name }) => name),
    task_type: head.length > 0 ? "SEQ_CLS" : "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
}

/** The module under which PEFT saves a tensor of the head. */
function savedModule(tensor: string): string {
  const module = tensor.slice(0, tensor.lastIndexOf("."));
  return SEQUENCE_HEADS.find((head) => `${module}.`.startsWith(`${head}.`)) ?? module;
}
