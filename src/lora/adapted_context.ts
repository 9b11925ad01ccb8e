/** What a family writes its forward pass down with, in a program of an adapted model: frozen weights, and adapters where modules have them. @module */

import type { DeviceInfo } from "../engine/device.ts";
import { dropout } from "../engine/ops/dropout.ts";
import { loraLinear } from "../engine/ops/matmul.ts";
import {
  bufferTensor,
  declareBuffer,
  type Program,
  sliceTensor,
  type Tensor,
} from "../engine/program.ts";
import { type PlainContext, plainContext } from "../models/plain_context.ts";
import { loraAName, loraBName } from "../protocol/tensor_names.ts";
import { BUFFERS } from "./buffers.ts";
import type { AdaptedModel, BaseDtype } from "./adapted_model.ts";
import { maskStride, type Slice } from "./layout.ts";
import type { Parameter } from "./train_packed.ts";

/** A context, with what the forward pass comes to need as it is written down. */
export interface AdaptedContext extends PlainContext {
  /** Trained tensors, in the order of their first use. */
  readonly parameters: readonly Parameter[];
}

/** A weight of the base: vectors are f32, whatever its matrices are stored as. */
export function frozenWeight(
  program: Program,
  name: string,
  shape: readonly number[],
  baseDtype: BaseDtype,
): Tensor {
  return bufferTensor(program, "weight", name, shape, shape.length < 2 ? "f32" : baseDtype);
}

/** Starts a program of B rows of T tokens. */
export function createContext(
  program: Program,
  { labels, layout, scale, dropout: baseRate, loraDropout, baseDtype }: AdaptedModel,
  { B, T, device, training }: {
    readonly B: number;
    readonly T: number;
    readonly device: DeviceInfo["kind"];
    readonly training: boolean;
  },
): AdaptedContext {
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
  const plain = plainContext(program, device, { B, T }, (name, shape) => {
    const head = headIndex.get(name);
    return head === undefined
      ? frozenWeight(program, name, shape, baseDtype)
      : parameter(name, layout.headSlices[head]);
  });
  return {
    ...plain,
    documents: labels === undefined,
    parameters,
    linear(name, x, outFeatures, hasBias) {
      const m = moduleIndex.get(name);
      if (m === undefined) return plain.linear(name, x, outFeatures, hasBias);
      const { weight, bias } = plain.layer(name, x, outFeatures, hasBias);
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
}
