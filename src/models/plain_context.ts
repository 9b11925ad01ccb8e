/** The context of a forward pass without adapters, dropout or a cache, which programs that have them extend. @module */

import type { DeviceInfo } from "../engine/device.ts";
import { linear } from "../engine/ops/matmul.ts";
import { bufferTensor, type Program, type Tensor } from "../engine/program.ts";
import type { ModelContext, ModelInputs } from "./family.ts";

/** Names of the buffers of {@linkcode ModelInputs}, in every program. */
export const INPUT_BUFFERS = {
  ids: "ids",
  mask: "mask",
  positions: "positions",
  poolWeights: "pool weights",
} as const;

/** A context, and what it has handed out. */
export interface PlainContext extends ModelContext {
  /** Weight [outFeatures, inFeatures] of a linear layer, and its bias [outFeatures] where it has one. */
  layer(
    ...[name, x, outFeatures, bias]: Parameters<ModelContext["linear"]>
  ): { readonly weight: Tensor; readonly bias: Tensor | undefined };
  /** Weights and constants so far by name, each one tensor however often it was asked for. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Values of the constants, which the checkpoint does not hold. */
  readonly constants: ReadonlyMap<string, Float32Array>;
}

/** The context of a program over B rows of T tokens; `declare` makes the tensor of a weight that is asked for the first time. */
export function plainContext(
  program: Program,
  device: DeviceInfo["kind"],
  { B, T }: { readonly B: number; readonly T: number },
  declare: ModelContext["weight"],
): PlainContext {
  const inputs: ModelInputs = {
    ids: bufferTensor(program, "input", INPUT_BUFFERS.ids, [B, T], "u32"),
    mask: bufferTensor(program, "input", INPUT_BUFFERS.mask, [B, T], "u32"),
    positions: bufferTensor(program, "input", INPUT_BUFFERS.positions, [B, T], "u32"),
    poolWeights: bufferTensor(program, "input", INPUT_BUFFERS.poolWeights, [B, T]),
  };
  const tensors = new Map<string, Tensor>();
  const constants = new Map<string, Float32Array>();
  const once = (name: string, create: () => Tensor): Tensor => {
    const tensor = tensors.get(name) ?? create();
    tensors.set(name, tensor);
    return tensor;
  };
  const weightOf: ModelContext["weight"] = (name, shape) => once(name, () => declare(name, shape));
  const layer: PlainContext["layer"] = (name, x, outFeatures, hasBias) => ({
    weight: weightOf(`${name}.weight`, [outFeatures, x.shape[x.shape.length - 1]]),
    bias: hasBias ? weightOf(`${name}.bias`, [outFeatures]) : undefined,
  });
  return {
    program,
    device,
    inputs,
    tensors,
    constants,
    weight: weightOf,
    constant(name, shape, data) {
      constants.set(name, data);
      return once(name, () => bufferTensor(program, "weight", name, shape));
    },
    layer,
    linear(name, x, outFeatures, hasBias) {
      const { weight, bias } = layer(name, x, outFeatures, hasBias);
      return linear(program, x, weight, bias);
    },
    dropout: (x) => x,
    drops: false,
  };
}
