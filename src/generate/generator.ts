/** A decoder on a device, ready to generate. @module */

import type { Device, Executor } from "../engine/device.ts";
import type { BaseDtype } from "../lora/adapted_model.ts";
import { frozenTensors, type WeightLoader } from "../lora/load.ts";
import type { FittedAdapter } from "../lora/peft_fit.ts";
import type { Model } from "../models/mod.ts";
import { UserError } from "../protocol/errors.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { BUFFERS, buildGeneration, type DecoderModel } from "./programs.ts";

/** Tokens of a prompt that are read at once. */
export const PROMPT_BLOCK = 64;

/** What a generator is made of. */
export interface GeneratorSources {
  /** The base's architecture. */
  readonly model: Model;
  /** The base's weights. */
  readonly weights: WeightLoader;
  /** What `fitAdapter` found to be the model's; it is applied as it was trained, beside the base's weights. */
  readonly adapter?: FittedAdapter | undefined;
  /** Tokens that a prompt and what is generated may have together; at most the model's context, which is the default. */
  readonly tokens?: number;
  /** How the base's matrices are stored (default: f32). */
  readonly baseDtype?: BaseDtype;
}

/** Programs, weights and cache on a device, for one text at a time. Close the executor when done. */
export interface TextGenerator {
  /** The loaded programs and their buffers. */
  readonly executor: Executor;
  /** The base's architecture. */
  readonly model: Model;
  /** Tokens that the prompt and what is generated may have together. */
  readonly tokens: number;
}

/**
 * Builds both programs, loads them, and writes the weights, one tensor at a time. The cache holds the next power of two of `tokens`: programs are built once
 * for each such capacity, and within it lengths are data.
 *
 * @throws UserError when the model is no decoder, `tokens` is more than its context, or the adapter saves a tensor that generation does not use.
 * @throws RangeError unless `tokens` is a whole number of at least 1.
 * @throws HalfRangeError naming a tensor that is to be stored in half precision and has a number beyond its range.
 * @throws what `weights.load` throws for a missing tensor or a wrong shape.
 */
export async function openGenerator(
  device: Device,
  { model, weights, adapter, tokens = model.maxTokens, baseDtype = "f32" }: GeneratorSources,
): Promise<TextGenerator> {
  const decoder = requireDecoder(model);
  checkTokens(model, tokens);
  const rank = adapter?.rank ?? 0;
  const modules = adapter?.modules ?? [];
  const adapted = new Set(modules.map(({ name }) => name));
  const capacity = cacheCapacity(tokens);
  const plan = { model: decoder, rank, adapted, baseDtype, capacity, block: PROMPT_BLOCK };
  const built = buildGeneration(plan, device.info.kind);
  const programs = built.map(({ program }) => program);
  const constants = new Map(built.flatMap((part) => [...part.constants]));
  const saved = new Map(adapter?.head.map(({ name, data }) => [name, data]));
  const executor = await device.load(programs);
  try {
    const frozen = frozenTensors(programs);
    checkSaved(adapter, frozen);
    for (const [name, shape] of frozen) {
      const known = constants.get(name) ?? saved.get(name);
      executor.write(name, known ?? await weights.load(name, shape));
    }
    for (const { name, a, b } of modules) {
      executor.write(loraAName(name), a);
      executor.write(loraBName(name), b);
    }
    if (rank > 0) executor.write(BUFFERS.adapterMask, new Uint32Array(rank).fill(1));
    return { executor, model, tokens };
  } catch (error) {
    await executor.close();
    throw error;
  }
}

/** The model as one that predicts the next token. @throws UserError when it is none. */
export function requireDecoder(model: Model): DecoderModel {
  const { languageModel } = model;
  if (languageModel?.objective === "next") return { ...model, languageModel };
  throw new UserError(
    `Cannot generate text with a model of family "${model.family}", an encoder: expected a decoder, such as Llama, Qwen, Gemma or GPT-2`,
  );
}

/** What an adapter saves beside its components takes part, but for a classifier's head, which has no part in generation. */
function checkSaved(
  adapter: FittedAdapter | undefined,
  frozen: ReadonlyMap<string, readonly number[]>,
): void {
  if (adapter === undefined || adapter.classes !== undefined) return;
  const unused = adapter.head.find(({ name }) => !frozen.has(name));
  if (unused === undefined) return;
  throw new UserError(
    `Cannot generate with the adapter: it saves "${unused.name}", which the model does not generate with`,
  );
}

function checkTokens({ maxTokens }: Model, tokens: number): void {
  if (!Number.isSafeInteger(tokens) || tokens < 1) {
    throw new RangeError(
      `Cannot generate texts of ${tokens} tokens: expected a whole number of at least 1`,
    );
  }
  if (tokens <= maxTokens) return;
  throw new UserError(
    `Cannot generate texts of ${tokens} tokens, the prompt's included: expected at most ${maxTokens}, the longest this model takes`,
  );
}

/** The bucket of a length: blocks of the prompt by powers of two. */
export function cacheCapacity(tokens: number): number {
  return PROMPT_BLOCK * 2 ** Math.max(0, Math.ceil(Math.log2(tokens / PROMPT_BLOCK)));
}
