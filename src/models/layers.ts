/** Layers by the names their tensors have in a checkpoint. @module */

import { add } from "../engine/ops/add.ts";
import { embedding } from "../engine/ops/embedding.ts";
import { layerNorm } from "../engine/ops/layer_norm.ts";
import { rmsNorm } from "../engine/ops/rms_norm.ts";
import type { Tensor } from "../engine/program.ts";
import type { ModuleShape } from "../protocol/bank.ts";
import type { HeadTensor, ModelContext } from "./family.ts";

/** Rows of the table `name`.weight [entries, width] by ids: [...ids, width]. */
export function embeddingLayer(
  context: ModelContext,
  name: string,
  entries: number,
  width: number,
  ids: Tensor,
): Tensor {
  return embedding(context.program, context.weight(`${name}.weight`, [entries, width]), ids);
}

/** Layer normalisation with `name`.weight and `name`.bias, both [C]. */
export function layerNormLayer(
  context: ModelContext,
  name: string,
  x: Tensor,
  epsilon: number,
): Tensor {
  const width = x.shape[x.shape.length - 1];
  const gamma = context.weight(`${name}.weight`, [width]);
  const beta = context.weight(`${name}.bias`, [width]);
  return layerNorm(context.program, x, gamma, beta, epsilon);
}

/** How a family normalises by the root mean square. */
export interface RmsNormSettings {
  /** ε, above 0. */
  readonly epsilon: number;
  /** Whether a checkpoint stores what gains differ from 1 by. */
  readonly gainsFromOne: boolean;
}

/** Root-mean-square normalisation with `name`.weight [width]: of the last axis, or of the parts of it that are `width` long. */
export function rmsNormLayer(
  context: ModelContext,
  name: string,
  x: Tensor,
  { epsilon, gainsFromOne }: RmsNormSettings,
  width: number = x.shape[x.shape.length - 1],
): Tensor {
  const { program } = context;
  const weight = context.weight(`${name}.weight`, [width]);
  if (!gainsFromOne) return rmsNorm(program, x, weight, epsilon);
  const ones = context.constant(`${width} ones`, [width], new Float32Array(width).fill(1));
  return rmsNorm(program, x, add(program, weight, ones), epsilon);
}

/** The modules of all layers, each layer's in the order that `ofLayer` names them in. */
export function modulesOfLayers(
  layers: number,
  ofLayer: (index: number) => Readonly<Record<string, ModuleShape>>,
): ModuleShape[] {
  return Array.from({ length: layers }, (_, index) => Object.values(ofLayer(index))).flat();
}

/** Hidden states [B,T,C] after all layers; `layer` writes one down. Boundaries of the program lie between them: what a layer computes can be computed again. */
export function stackLayers(
  { program }: ModelContext,
  layers: number,
  embedded: Tensor,
  layer: (index: number, x: Tensor) => Tensor,
): Tensor {
  let x = embedded;
  program.boundaries.push(x);
  for (let index = 0; index < layers; index++) {
    x = layer(index, x);
    program.boundaries.push(x);
  }
  return x;
}

/** The linear layer that a module describes, with its adapter where it has one. */
export function linearLayer(
  context: ModelContext,
  { name, outFeatures }: ModuleShape,
  x: Tensor,
  bias: boolean,
): Tensor {
  return context.linear(name, x, outFeatures, bias);
}

/** The tensors of a linear layer of the head: weight [out, in] drawn at `deviation`, bias [out] zero. */
export function linearHead(
  { name, inFeatures, outFeatures }: ModuleShape,
  deviation: number,
): HeadTensor[] {
  return [
    { name: `${name}.weight`, shape: [outFeatures, inFeatures], deviation },
    { name: `${name}.bias`, shape: [outFeatures], deviation: 0 },
  ];
}
