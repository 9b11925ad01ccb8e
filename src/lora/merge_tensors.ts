/** Which tensors a merged language model is made of. @module */

import { linear } from "../engine/ops/matmul.ts";
import { bufferTensor, createProgram } from "../engine/program.ts";
import type { Model, ModelContext } from "../models/mod.ts";

/**
 * The tensors that a model computes hidden states with, and those of its language-model head where the checkpoint holds them, by the family's names,
 * with their shapes, in forward order.
 *
 * @param has which tensors the checkpoint holds.
 */
export function languageModelTensors(
  model: Model,
  has: (name: string) => boolean,
): Map<string, readonly number[]> {
  const encoder = new Map<string, readonly number[]>();
  model.encode(recorder(encoder));
  const head = new Map<string, readonly number[]>();
  const context = recorder(head);
  const states = bufferTensor(context.program, "input", "states", [1, model.width]);
  model.languageModel?.logits(context, states);
  const whole = [...head.keys()].every((name) => encoder.has(name) || has(name));
  return whole ? new Map([...encoder, ...head]) : encoder;
}

/** A context that writes down the weights it is asked for. */
function recorder(tensors: Map<string, readonly number[]>): ModelContext {
  const program = createProgram("tensors");
  const weights = new Map<string, ReturnType<ModelContext["weight"]>>();
  const buffer = (name: string, shape: readonly number[]) => {
    const tensor = weights.get(name) ?? bufferTensor(program, "weight", name, shape);
    weights.set(name, tensor);
    return tensor;
  };
  const context: ModelContext = {
    program,
    device: "cpu",
    inputs: {
      ids: bufferTensor(program, "input", "ids", [1, 1], "u32"),
      mask: bufferTensor(program, "input", "mask", [1, 1], "u32"),
      positions: bufferTensor(program, "input", "positions", [1, 1], "u32"),
      poolWeights: bufferTensor(program, "input", "pool weights", [1, 1]),
    },
    weight(name, shape) {
      tensors.set(name, shape);
      return buffer(name, shape);
    },
    constant: buffer,
    linear(name, x, outFeatures, hasBias) {
      const weight = context.weight(`${name}.weight`, [outFeatures, x.shape[x.shape.length - 1]]);
      const bias = hasBias ? context.weight(`${name}.bias`, [outFeatures]) : undefined;
      return linear(program, x, weight, bias);
    },
    dropout: (x) => x,
    drops: false,
  };
  return context;
}
