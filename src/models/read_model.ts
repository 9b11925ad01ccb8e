/** Which family a config.json belongs to. @module */

import { bert } from "./bert.ts";
import type { ModelConfig } from "./config.ts";
import { distilbert } from "./distilbert.ts";
import { ModelConfigError, UnsupportedModelError } from "./errors.ts";
import type { Family, Model } from "./family.ts";
import { gemma } from "./gemma.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { roberta } from "./roberta.ts";

/** Every family there is; {@linkcode readModel} asks them in this order. */
export const families: readonly Family[] = [
  bert,
  distilbert,
  roberta,
  llama,
  qwen2,
  qwen3,
  gemma,
  gpt2,
];

/**
 * Reads a model from its parsed config.json. The family is that of "model_type"; a config without it is placed by "architectures".
 *
 * @throws UnsupportedModelError when no family serves it, or when it has a setting that its family does not implement.
 * @throws ModelConfigError when it is not an object, or lacks what the model needs.
 *
 * @example
 * ```ts
 * import { readModel } from "./read_model.ts";
 * const model = readModel({
 *   model_type: "llama", vocab_size: 2048, hidden_size: 128, intermediate_size: 384,
 *   num_hidden_layers: 2, num_attention_heads: 8, num_key_value_heads: 4, max_position_embeddings: 512,
 * });
 * const targets = model.modules.filter(({ name }) => model.defaultTargets.test(name));
 * if (targets[1].name !== "model.layers.0.self_attn.k_proj" || targets[1].outFeatures !== 64) {
 *   throw new Error("unreachable");
 * }
 * ```
 */
export function readModel(config: unknown): Model {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ModelConfigError(
      `Cannot read config.json: expected an object, got ${JSON.stringify(config)}`,
    );
  }
  const settings = config as ModelConfig;
  return findFamily(settings).read(settings);
}

function findFamily(config: ModelConfig): Family {
  const { key, value, family } = config.model_type === undefined || config.model_type === null
    ? byArchitecture(config.architectures)
    : byModelType(config.model_type);
  if (family !== undefined) return family;
  const types = families.flatMap(({ modelTypes }) => modelTypes).join(", ");
  throw new UnsupportedModelError(
    value === undefined
      ? `Cannot use this model: config.json has neither "model_type" nor "architectures"; expected a model of type ${types}`
      : `Cannot use this model: expected a model of type ${types}, got "${key}" ${
        JSON.stringify(value)
      }`,
  );
}

/** What a config says of its family, where, and the family that this names. */
interface Finding {
  readonly key: string;
  readonly value: unknown;
  readonly family: Family | undefined;
}

function byModelType(value: unknown): Finding {
  const family = families.find(({ modelTypes }) => modelTypes.some((type) => type === value));
  return { key: "model_type", value, family };
}

/** Classes are called after their model type: "XLMRobertaForMaskedLM" is of type "xlm-roberta". */
function byArchitecture(value: unknown): Finding {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  const stem = typeof first === "string" ? first.replace(/(For|Model|LMHead).*$/, "") : "";
  const family = families.find(({ modelTypes }) =>
    modelTypes.some((type) => type.replaceAll("-", "") === stem.toLowerCase())
  );
  return { key: "architectures", value, family };
}
