/**
 * The programs of generation: one that reads a block of the prompt, and one that reads a single token and gives the logits of the next. They share weights and
 * the cache of keys and values; which block or token it is, and how many lie before it, is data.
 *
 * @module
 */

import type { DeviceInfo } from "../engine/device.ts";
import { lower } from "../engine/lower.ts";
import { applyTo } from "../engine/op.ts";
import { linear, loraLinear } from "../engine/ops/matmul.ts";
import { recordOp } from "../engine/ops/record.ts";
import {
  bufferTensor,
  createProgram,
  keepAs,
  type Program,
  type Tensor,
} from "../engine/program.ts";
import type { BaseDtype, BuiltProgram } from "../lora/classifier.ts";
import type { KeyValueCache, Model, ModelContext } from "../models/mod.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";

/** Names of the buffers that the host writes and reads. */
export const BUFFERS = {
  ids: "ids",
  positions: "positions",
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
  plan.model.encode(prompt.context);
  const token = startProgram(PROGRAMS.token, plan, 1, device);
  const states = plan.model.encode(token.context);
  const logits = plan.model.languageModel.logits(token.context, states);
  keepAs(token.context.program, logits, BUFFERS.logits);
  return [prompt, token].map(({ context, constants }) => ({
    program: lower(context.program),
    constants,
  }));
}

interface StartedProgram {
  readonly context: ModelContext;
  readonly constants: Map<string, Float32Array>;
}

/** A program over T tokens of one row. */
function startProgram(
  name: string,
  { rank, adapted, baseDtype, capacity }: GenerationPlan,
  T: number,
  device: DeviceInfo["kind"],
): StartedProgram {
  const program = createProgram(name);
  const constants = new Map<string, Float32Array>();
  const weights = new Map<string, Tensor>();
  const input = (buffer: string, shape: readonly number[]) =>
    bufferTensor(program, "input", buffer, shape, "u32");
  const once = (name: string, create: () => Tensor): Tensor => {
    const tensor = weights.get(name) ?? create();
    weights.set(name, tensor);
    return tensor;
  };
  const context: ModelContext = {
    program,
    device,
    inputs: {
      ids: input(BUFFERS.ids, [1, T]),
      positions: input(BUFFERS.positions, [1, T]),
      // Nothing is masked or pooled: these are declared because every model's inputs have them.
      mask: input("mask", [1, T]),
      poolWeights: bufferTensor(program, "input", "pool weights", [1, T]),
    },
    cache: createCache(program, capacity, T),
    weight: (name, shape) =>
      once(
        name,
        () => bufferTensor(program, "weight", name, shape, shape.length < 2 ? "f32" : baseDtype),
      ),
    constant(name, shape, data) {
      constants.set(name, data);
      return once(name, () => bufferTensor(program, "weight", name, shape));
    },
    linear(name, x, outFeatures, hasBias) {
      const inFeatures = x.shape[x.shape.length - 1];
      const weight = context.weight(`${name}.weight`, [outFeatures, inFeatures]);
      const bias = hasBias ? context.weight(`${name}.bias`, [outFeatures]) : undefined;
      if (!adapted.has(name)) return linear(program, x, weight, bias);
      return loraLinear(program, x, weight, bias, {
        a: bufferTensor(program, "state", loraAName(name), [rank, inFeatures]),
        b: bufferTensor(program, "state", loraBName(name), [outFeatures, rank]),
        mask: input(BUFFERS.adapterMask, [rank]),
        scale: 1,
      });
    },
    dropout: (x) => x,
    drops: false,
  };
  return { context, constants };
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
