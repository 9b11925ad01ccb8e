/** The programs of a pretraining: a step in which every weight is trained, and an evaluation batch. @module */

import type { DeviceInfo } from "../engine/device.ts";
import { lower } from "../engine/lower.ts";
import { crossEntropy } from "../engine/ops/cross_entropy.ts";
import { embedding } from "../engine/ops/embedding.ts";
import { record } from "../engine/ops/record.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  type Program,
  sliceTensor,
  type Tensor,
} from "../engine/program.ts";
import { type PackedLayout, packLayout } from "../lora/layout.ts";
import { OPTIMIZER_BUFFERS, trainPacked } from "../lora/train_packed.ts";
import type { Model } from "../models/family.ts";
import { INPUT_BUFFERS, plainContext } from "../models/plain_context.ts";
import { UserError } from "../protocol/errors.ts";

/** Names of the buffers that the host writes and reads. */
export const BUFFERS = {
  ...INPUT_BUFFERS,
  places: "places",
  labels: "labels",
  weights: "prediction weights",
  cursor: "cursor",
  ...OPTIMIZER_BUFFERS,
  parameters: "parameters",
  losses: "losses",
} as const;

/** Sizes of a pretraining's programs: B rows of T tokens, P predictions, and the runs that its ring of losses holds. */
export interface PretrainSizes {
  readonly B: number;
  readonly T: number;
  readonly P: number;
  readonly ring: number;
}

/** Steps are told apart from evaluations by their program's name. */
export const programNames = { step: "pretrain step", evaluation: "pretrain evaluation" } as const;

/** The programs, the place of every weight in the packed buffers, and constants by buffer. */
export interface PretrainPrograms {
  readonly layout: PackedLayout;
  readonly programs: readonly Program[];
  readonly constants: ReadonlyMap<string, Float32Array>;
}

/**
 * Builds both programs of a model with a language-model head.
 *
 * @throws UserError when the model's family has none here.
 */
export function buildPretraining(
  model: Model,
  sizes: PretrainSizes,
  device: DeviceInfo["kind"] = "cpu",
): PretrainPrograms {
  const layout = weightLayout(model, sizes.T);
  const step = startProgram(
    programNames.step,
    model,
    sizes,
    device,
    packedWeights(layout),
  );
  const parameters = layout.head.map(({ name }, i) => ({
    tensor: step.weights.get(name)!,
    slice: layout.headSlices[i],
  }));
  trainPacked(step.program, step.loss, parameters, {
    name: BUFFERS.parameters,
    layout,
    optimizer: "adamw",
    proximal: false,
  });
  record(step.program, step.loss, step.cursor, BUFFERS.losses, sizes.ring);
  const evaluation = startProgram(
    programNames.evaluation,
    model,
    sizes,
    device,
    packedWeights(layout),
  );
  record(evaluation.program, evaluation.loss, evaluation.cursor, BUFFERS.losses, sizes.ring);
  return {
    layout,
    programs: [lower(step.program), lower(evaluation.program)],
    constants: new Map([...step.constants, ...evaluation.constants]),
  };
}

/** Provides the weights of a program under construction. */
type WeightsOf = (program: Program) => (name: string, shape: readonly number[]) => Tensor;

/** Every weight of the forward pass over rows of T tokens in the order of first use, as the tensors of a "head" that is all there is. */
export function weightLayout(model: Model, T: number): PackedLayout {
  const shapes = new Map<string, readonly number[]>();
  const small = { B: 1, T, P: 1, ring: 1 };
  startProgram("weights", model, small, "cpu", (program) => (name, shape) => {
    shapes.set(name, shape);
    return bufferTensor(program, "weight", name, shape);
  });
  return packLayout([], 0, [...shapes].map(([name, shape]) => ({ name, shape, deviation: 0 })));
}

function packedWeights(layout: PackedLayout): WeightsOf {
  return (program) => {
    declareBuffer(program, {
      name: BUFFERS.parameters,
      dtype: "f32",
      role: "state",
      length: layout.length,
    });
    return (name, shape) => {
      const tensor = layout.head.findIndex((known) => known.name === name);
      return sliceTensor(
        program,
        BUFFERS.parameters,
        name,
        shape,
        layout.headSlices[tensor].offset,
      );
    };
  };
}

interface Forward {
  readonly program: Program;
  /** [P] */
  readonly loss: Tensor;
  readonly cursor: Tensor;
  /** Weights and constants by name. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly constants: ReadonlyMap<string, Float32Array>;
}

function startProgram(
  name: string,
  model: Model,
  { B, T, P }: PretrainSizes,
  device: DeviceInfo["kind"],
  weightsOf: WeightsOf,
): Forward {
  const head = model.languageModel;
  if (head === undefined) {
    throw new UserError(
      `Cannot pretrain a model of family "${model.family}": expected bert or llama`,
    );
  }
  const program = createProgram(name);
  const input = (buffer: string, shape: readonly number[]) =>
    bufferTensor(program, "input", buffer, shape, "u32");
  // Nothing is pooled. Small models that see each text once or twice underfit: they have nothing to drop out.
  const context = plainContext(program, device, { B, T }, weightsOf(program));
  const states = embedding(program, model.encode(context), input(BUFFERS.places, [P]));
  const loss = crossEntropy(
    program,
    head.logits(context, states),
    input(BUFFERS.labels, [P]),
    bufferTensor(program, "input", BUFFERS.weights, [P]),
  );
  const { tensors: weights, constants } = context;
  return { program, loss, cursor: input(BUFFERS.cursor, [1]), weights, constants };
}
