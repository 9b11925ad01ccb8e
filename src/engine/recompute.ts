/**
 * Activation recomputation (Chen et al. 2016, arXiv 1604.06174): what a layer computes on its way is not kept for the backward pass, but computed once more
 * before it, from what enters the layer. Memory for activations then grows by one tensor a layer, at the price of a second forward pass.
 *
 * @module
 */

import { dropDeadNodes, dropUnreadOutputs } from "./lower.ts";
import type { Node, Program, Tensor } from "./program.ts";

/**
 * A lowered program with its layers run again in the backward pass, each just before the first node that reads what it computed on its way. A layer lies
 * between a boundary and the next. The last one is left as it is: its backward pass comes at once.
 *
 * What is run again is the same operation on the same numbers, dropout's streams among them, so that results are the same to the last bit. For that the
 * program must be lowered first: a layer and its repetition could be fused in different ways.
 */
export function recompute(program: Program): Program {
  const ends = boundaryPositions(program);
  const layersEnd = (ends.at(-1) ?? -1) + 1;
  const forward = program.nodes.slice(0, layersEnd);
  const backward = program.nodes.slice(layersEnd);
  const layerOf = new Map<number, readonly Node[]>();
  ends.slice(0, -2).forEach((begin, i) => {
    const layer = forward.slice(begin + 1, ends[i + 1]).filter(writesNoBuffer);
    const readLater = inputIds(forward.slice(ends[i + 1] + 1));
    for (const id of outputIds(layer).difference(readLater)) layerOf.set(id, layer);
  });

  const read = inputIds(backward).intersection(layerOf);
  const tensors = [...program.tensors];
  const again = new Map<number, Tensor>();
  const nodes = [...forward];
  const append = (node: Node, outputs: readonly Tensor[]) => {
    nodes.push({
      ...node,
      inputs: node.inputs.map((input) => again.get(input.id) ?? input),
      outputs,
    });
  };
  const repeat = (layer: readonly Node[]) => {
    for (const node of dropDeadNodes(layer, read)) {
      const outputs = node.outputs.map((output, i): Tensor => ({
        ...output,
        id: tensors.length + i,
        name: `${output.name} again`,
      }));
      tensors.push(...outputs);
      append(node, outputs);
      node.outputs.forEach(({ id }, i) => {
        if (layerOf.has(id)) again.set(id, outputs[i]);
      });
    }
  };
  for (const node of backward) {
    for (const { id } of node.inputs) {
      const layer = layerOf.get(id);
      if (layer !== undefined && !again.has(id)) repeat(layer);
    }
    append(node, node.outputs);
  }
  return { ...program, tensors, nodes: dropUnreadOutputs(nodes) };
}

/** Positions of the nodes that compute the boundaries, ascending. */
function boundaryPositions({ nodes, boundaries }: Program): number[] {
  const ids = new Set(boundaries.map(({ id }) => id));
  return nodes.flatMap(({ outputs }, position) =>
    outputs.some(({ id }) => ids.has(id)) ? [position] : []
  );
}

function writesNoBuffer({ outputs }: Node): boolean {
  return outputs.every(({ placement }) => placement.kind === "activation");
}

function inputIds(nodes: readonly Node[]): Set<number> {
  return new Set(nodes.flatMap(({ inputs }) => inputs.map(({ id }) => id)));
}

function outputIds(nodes: readonly Node[]): Set<number> {
  return new Set(nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
}
