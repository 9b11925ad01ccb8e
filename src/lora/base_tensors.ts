/** Which tensors of a checkpoint a model computes with, by its family's names, with their shapes, in forward order. @module */

import { pool } from "../engine/ops/pool.ts";
import { bufferTensor, createProgram, type Program, type Tensor } from "../engine/program.ts";
import type { HeadTensor, Model, ModelContext } from "../models/mod.ts";
import { plainContext } from "../models/plain_context.ts";

/**
 * The base tensors that a sequence classifier reads, or without `labels` a language model: all that its checkpoint must hold. Those of the classifier's
 * `head` are not among them, and neither are constants that the family computes.
 */
export function baseTensors(
  model: Model,
  labels: number | undefined,
  head: readonly Pick<HeadTensor, "name">[],
): Map<string, readonly number[]> {
  const { context, tensors } = recorder();
  const hidden = model.encode(context);
  if (labels === undefined) {
    model.languageModel?.logits(context, statesOf(model, context.program));
  } else {
    model.classify(context, pool(context.program, hidden, context.inputs.poolWeights), labels);
  }
  for (const { name } of head) tensors.delete(name);
  return tensors;
}

/**
 * The tensors that a model computes hidden states with, and those of its language-model head where the checkpoint holds them.
 *
 * @param has which tensors the checkpoint holds.
 */
export function languageModelTensors(
  model: Model,
  has: (name: string) => boolean,
): Map<string, readonly number[]> {
  const encoder = recorder();
  model.encode(encoder.context);
  const head = recorder();
  model.languageModel?.logits(head.context, statesOf(model, head.context.program));
  const whole = [...head.tensors.keys()].every((name) => encoder.tensors.has(name) || has(name));
  return whole ? new Map([...encoder.tensors, ...head.tensors]) : encoder.tensors;
}

function statesOf({ width }: Model, program: Program): Tensor {
  return bufferTensor(program, "input", "states", [1, width]);
}

/** A context that writes down the weights it is asked for. */
function recorder(): { context: ModelContext; tensors: Map<string, readonly number[]> } {
  const program = createProgram("tensors");
  const tensors = new Map<string, readonly number[]>();
  const context = plainContext(program, "cpu", { B: 1, T: 1 }, (name, shape) => {
    tensors.set(name, shape);
    return bufferTensor(program, "weight", name, shape);
  });
  return { context, tensors };
}
