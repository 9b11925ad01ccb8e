/**
 * The programs of generation: one that reads a block of the prompt, and one that reads a single token and gives the logits of the next. They share weights and
 * the cache of keys and values; which block or token it is, and how many lie before it, is data.
 *
 * @module
 */

import type { DeviceInfo } from "../engine/device.ts";
import { lower } from "../engine/lower.ts";
import { applyTo } from "../engine/op.ts";
import { loraLinear } from "../engine/ops/matmul.ts";
import { recordOp } from "../engine/ops/record.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../engine/program.ts";
import { frozenWeight } from "../lora/adapted_context.ts";
import type { BaseDtype, BuiltProgram } from "../lora/adapted_model.ts";
import type { KeyValueCache, Model } from "../models/mod.ts";
import { INPUT_BUFFERS, type PlainContext, plainContext } from "../models/plain_context.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";

/** Names of the buffers that the host writes and reads. */
export const BUFFERS = {
  ...INPUT_BUFFERS,
  cursor: "cursor",
  adapterMask: "adapter mask",
  logits: "logits",
} as const;

/** Names of the programs. */
export const PROGRAMS = { prompt: "read prompt", token: "read token" } as const;

/** What is the same for both programs. */
export interface GenerationPlan {
  readonly model: DecoderModel;
  /** Rank of the adapter, and the modules that it adapts; 0 and none without one. */
  readonly rank: number;
  readonly adapted: ReadonlySet<string>;
  /** How the base's matrices are stored. */
  readonly baseDtype: BaseDtype;
  /** Tokens that the cache holds: a multiple of `block`. */
  readonly capacity: number;
  /** Tokens of the prompt that are read at once. */
  readonly block: number;
}

/** A model that predicts the next token. */
export type DecoderModel = Model & { readonly languageModel: NonNullable<Model["languageModel"]> };

/** Both programs: the prompt's, which only fills the cache, and a token's, which leaves its logits [V] in "logits". */
export function buildGeneration(plan: GenerationPlan, device: DeviceInfo["kind"]): BuiltProgram[] {
  const prompt = startProgram(PROGRAMS.prompt, plan, plan.block, device);
  plan.model.encode(prompt);
  const token = startProgram(PROGRAMS.token, plan, 1, device);
  const logits = plan.model.languageModel.logits(token, plan.model.encode(token));
  keepAs(token.program, logits, BUFFERS.logits);
  return [prompt, token].map(({ program, constants }) => ({ program: lower(program), constants }));
}

/** Starts a program over T tokens of one row, none of which is masked or pooled. */
function startProgram(
  name: string,
  { rank, adapted, baseDtype, capacity }: GenerationPlan,
  T: number,
  device: DeviceInfo["kind"],
): PlainContext {
  const program = createProgram(name);
  const plain = plainContext(
    program,
    device,
    { B: 1, T },
    (name, shape) => frozenWeight(program, name, shape, baseDtype),
  );
  return {
    ...plain,
    cache: createCache(program, capacity, T),
    linear(name, x, outFeatures, hasBias) {
      if (!adapted.has(name)) return plain.linear(name, x, outFeatures, hasBias);
      const { weight, bias } = plain.layer(name, x, outFeatures, hasBias);
      return loraLinear(program, x, weight, bias, {
        a: bufferTensor(program, "state", loraAName(name), [rank, x.shape[x.shape.length - 1]]),
        b: bufferTensor(program, "state", loraBName(name), [outFeatures, rank]),
        mask: bufferTensor(program, "input", BUFFERS.adapterMask, [rank], "u32"),
        scale: 1,
      });
    },
  };
}

/** Keys and values in state buffers, which both programs know by their order. */
function createCache(program: Program, capacity: number, T: number): KeyValueCache {
  const cursor = bufferTensor(program, "input", BUFFERS.cursor, [1], "u32");
  let buffers = 0;
  return {
    capacity,
    cursor,
    append(rows) {
      const name = `cache ${buffers++}`;
      const width = rows.shape[rows.shape.length - 1];
      const blocks = bufferTensor(program, "state", name, [capacity / T, T * width]);
      applyTo(program, recordOp, [rows, cursor], {}, [blocks]);
      return bufferTensor(program, "state", name, [capacity, width]);
    },
  };
}
