/**
 * Reverse-mode differentiation of a program, at build time: the backward operations are appended to it.
 *
 * @module
 */

import { expectShape } from "./op.ts";
import { add } from "./ops/add.ts";
import { copyTo } from "./ops/copy.ts";
import { fill } from "./ops/fill.ts";
import { operation } from "./ops/registry.ts";
import { isCompact, type Node, type Program, type Tensor } from "./program.ts";

/**
 * Appends the gradient of the sum of `loss` with respect to each tensor of `wrt`, or of Σ seed·loss where a `seed` of its shape is given. Nothing
 * is computed for tensors that no element of `wrt` reaches: frozen weights cost no gradient.
 *
 * @returns one tensor per element of `wrt`, of its shape.
 * @throws TypeError when the loss does not depend on an element of `wrt`, one is of a compact type, or an operation on the way has no gradient.
 */
export function gradients(
  program: Program,
  loss: Tensor,
  wrt: readonly Tensor[],
  seed: Tensor = fill(program, loss.shape, 1),
): Tensor[] {
  expectShape("gradients", seed, loss.shape);
  const compact = wrt.find(({ dtype }) => isCompact(dtype));
  if (compact !== undefined) {
    throw new TypeError(
      `Cannot differentiate "${loss.name}" with respect to "${compact.name}": expected f32, got ${compact.dtype}`,
    );
  }
  const forward = nodesSince(program, wrt);
  const dependent = dependents(forward, wrt);
  const partial = new Map<number, Tensor>();
  if (dependent.has(loss.id)) partial.set(loss.id, seed);

  for (const node of forward.toReversed()) {
    const outputGradients = node.outputs.map((output) => partial.get(output.id));
    const wanted = node.inputs.map((input) => dependent.has(input.id));
    if (!wanted.includes(true) || outputGradients.every((gradient) => gradient === undefined)) {
      continue;
    }
    const inputGradients = differentiate(program, node, outputGradients, wanted);
    node.inputs.forEach((input, i) => {
      const gradient = inputGradients[i];
      if (!wanted[i] || gradient === undefined) return;
      const sofar = partial.get(input.id);
      partial.set(input.id, sofar === undefined ? gradient : add(program, sofar, gradient));
    });
  }

  return wrt.map((tensor) => {
    const gradient = partial.get(tensor.id);
    if (gradient === undefined) {
      throw new TypeError(
        `Cannot differentiate "${loss.name}": it does not depend on "${tensor.name}"`,
      );
    }
    return gradient;
  });
}

/**
 * Makes each computed tensor live in its target's place, so that gradients land in slices of one packed buffer. A tensor that other
 * operations read, that several targets want, or that already has a place, is copied instead: one dispatch must not read and write the same buffer.
 */
export function placeIn(
  program: Program,
  tensors: readonly Tensor[],
  targets: readonly Tensor[],
): void {
  const since = nodesSince(program, tensors);
  const read = new Set(since.flatMap((node) => node.inputs.map((input) => input.id)));
  tensors.forEach((tensor, i) => {
    expectShape("place", tensor, targets[i].shape);
    const shared = read.has(tensor.id) || tensors.indexOf(tensor) !== tensors.lastIndexOf(tensor);
    if (tensor.placement.kind === "activation" && !shared) {
      tensor.placement = targets[i].placement;
    } else {
      copyTo(program, tensor, targets[i]);
    }
  });
}

/** The nodes from the first that computes one of `tensors` on: all that can read them. A program of many parts is not read anew for each. */
function nodesSince({ nodes }: Program, tensors: readonly Tensor[]): Node[] {
  const sought = new Set(tensors.map((tensor) => tensor.id));
  let first = nodes.length;
  while (first > 0 && sought.size > 0) {
    for (const output of nodes[--first].outputs) sought.delete(output.id);
  }
  return nodes.slice(first);
}

/** Tensors computed, directly or not, from `sources`, with the sources themselves. */
function dependents(nodes: readonly Node[], sources: readonly Tensor[]): Set<number> {
  const reached = new Set(sources.map((tensor) => tensor.id));
  for (const node of nodes) {
    if (!node.inputs.some((input) => reached.has(input.id))) continue;
    for (const output of node.outputs) reached.add(output.id);
  }
  return reached;
}

function differentiate(
  program: Program,
  node: Node,
  outputGradients: readonly (Tensor | undefined)[],
  wanted: readonly boolean[],
): readonly (Tensor | undefined)[] {
  const rule = operation(node.op).gradient;
  if (rule === undefined) {
    throw new TypeError(
      `Cannot differentiate ${node.op} at "${node.outputs[0].name}": it has no gradient rule`,
    );
  }
  return rule({ program, node, outputGradients, wanted });
}
