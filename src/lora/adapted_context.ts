/** What a family writes its forward pass down with, in a program of an adapted model: frozen weights, and adapters where modules have them. @module */

import type { DeviceInfo } from "../engine/device.ts";
import { dropout } from "../engine/ops/dropout.ts";
import { linear, loraLinear } from "../engine/ops/matmul.ts";
import {
  bufferTensor,
  declareBuffer,
  type Program,
  sliceTensor,
  type Tensor,
} from "../engine/program.ts";
import type { ModelContext, ModelInputs } from "../models/family.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { BUFFERS } from "./buffers.ts";
import type { Classifier } from "./classifier.ts";
import { maskStride, type Slice } from "./layout.ts";
import type { Parameter } from "./train_packed.ts";

/** A context, with what the forward pass comes to need as it is written down. */
export interface AdaptedContext extends ModelContext {
  /** Trained tensors, in the order of their first use. */
  readonly parameters: readonly Parameter[];
  /** Values of weight buffers that the checkpoint does not hold. */
  readonly constants: ReadonlyMap<string, Float32Array>;
}

/** Starts a program of B rows of T tokens. */
export function createContext(
  program: Program,
  { labels, layout, scale, dropout: baseRate, loraDropout, baseDtype }: Classifier,
  { B, T, device, training }: {
    readonly B: number;
    readonly T: number;
    readonly device: DeviceInfo["kind"];
    readonly training: boolean;
  },
): AdaptedContext {
  const inputs: ModelInputs = {
    ids: bufferTensor(program, "input", BUFFERS.ids, [B, T], "u32"),
    mask: bufferTensor(program, "input", BUFFERS.mask, [B, T], "u32"),
    positions: bufferTensor(program, "input", BUFFERS.positions, [B, T], "u32"),
    poolWeights: bufferTensor(program, "input", BUFFERS.poolWeights, [B, T]),
  };
  const constants = new Map<string, Float32Array>();
  const parameters: Parameter[] = [];
  declareBuffer(program, {
    name: BUFFERS.adapter,
    dtype: "f32",
    role: "state",
    length: layout.length,
  });
  const masks = layout.modules.length * maskStride(layout);
  declareBuffer(program, {
    name: BUFFERS.forwardMask,
    dtype: "u32",
    role: "input",
    length: Math.max(masks, 1),
  });
  const frozen = new Map<string, Tensor>();
  const headIndex = new Map(layout.head.map((tensor, i) => [tensor.name, i]));
  const moduleIndex = new Map(layout.modules.map((module, m) => [module.name, m]));
  // One input for all sites; each site has a stream of its own. Declared where nothing is dropped too, so that a step is always written alike.
  const seed = bufferTensor(program, "input", BUFFERS.seed, [1], "u32");
  let streams = 0;
  const drop = (x: Tensor, rate: number): Tensor => {
    const stream = streams++;
    return training ? dropout(program, x, seed, rate, stream) : x;
  };
  const parameter = (name: string, slice: Slice): Tensor => {
    const tensor = sliceTensor(program, BUFFERS.adapter, name, slice.shape, slice.offset);
    parameters.push({ tensor, slice });
    return tensor;
  };
  const once = (name: string, create: () => Tensor): Tensor => {
    const tensor = frozen.get(name) ?? create();
    frozen.set(name, tensor);
    return tensor;
  };
  const context: AdaptedContext = {
    program,
    device,
    inputs,
    documents: labels === undefined,
    parameters,
    constants,
    weight(name, shape) {
      const head = headIndex.get(name);
      return once(
        name,
        () =>
          head === undefined
            ? bufferTensor(program, "weight", name, shape, shape.length < 2 ? "f32" : baseDtype)
            : parameter(name, layout.headSlices[head]),
      );
    },
    constant(name, shape, data) {
      constants.set(name, data);
      return once(name, () => bufferTensor(program, "weight", name, shape));
    },
    linear(name, x, outFeatures, hasBias) {
      const inFeatures = x.shape[x.shape.length - 1];
      const weight = context.weight(`${name}.weight`, [outFeatures, inFeatures]);
      const bias = hasBias ? context.weight(`${name}.bias`, [outFeatures]) : undefined;
      const m = moduleIndex.get(name);
      if (m === undefined) return linear(program, x, weight, bias);
      const adapter = {
        a: parameter(loraAName(name), layout.a[m]),
        b: parameter(loraBName(name), layout.b[m]),
        mask: sliceTensor(
          program,
          BUFFERS.forwardMask,
          `${name} forward mask`,
          [layout.rank],
          m * maskStride(layout),
        ),
        scale,
      };
      return loraLinear(program, x, weight, bias, adapter, drop(x, loraDropout));
    },
    dropout: (x) => drop(x, baseRate),
    drops: training && baseRate > 0,
  };
  return context;
}
