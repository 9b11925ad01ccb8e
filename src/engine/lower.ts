/**
 * Lowering: what a finished program does not need is removed, and patterns are replaced by fused operations.
 *
 * @module
 */

import { withResidual } from "./ops/matmul.ts";
import { addOp } from "./ops/add.ts";
import { operation } from "./ops/registry.ts";
import type { Node, Program, Tensor } from "./program.ts";

/** The program that a device loads: without dead nodes and unread saved tensors, with sums fused into the products before them. */
export function lower(program: Program): Program {
  const nodes = dropUnreadOutputs(fuseSums(dropDeadNodes(program.nodes)));
  return { ...program, nodes };
}

/** A node is alive when it writes a buffer, or something alive reads it, or one of its outputs is `read` elsewhere. */
export function dropDeadNodes(
  nodes: readonly Node[],
  read: ReadonlySet<number> = new Set(),
): Node[] {
  const needed = new Set(read);
  const alive: Node[] = [];
  for (const node of nodes.toReversed()) {
    const used = node.outputs.some((output) =>
      output.placement.kind === "buffer" || needed.has(output.id)
    );
    if (!used) continue;
    for (const input of node.inputs) needed.add(input.id);
    alive.push(node);
  }
  return alive.reverse();
}

/** Outputs saved for a gradient that nothing reads: in evaluation none was asked for, under recomputation a repetition's outputs are read instead. */
export function dropUnreadOutputs(nodes: readonly Node[]): Node[] {
  const readers = countReaders(nodes);
  return nodes.map((node) => {
    const saved = operation(node.op).saved ?? 0;
    const kept = node.outputs.length - saved;
    const unread = node.outputs.slice(kept).every((output) => !readers.has(output.id));
    return saved > 0 && unread ? { ...node, outputs: node.outputs.slice(0, kept) } : node;
  });
}

/** matmul followed by add becomes matmul with a residual, at the place of the add, where nothing else reads the product. */
function fuseSums(nodes: readonly Node[]): Node[] {
  const result: (Node | undefined)[] = [...nodes];
  const readers = countReaders(nodes);
  const producer = new Map<number, number>();
  result.forEach((_, position) => {
    const node = result[position]!;
    if (node.op === addOp.name) {
      const [a, b] = node.inputs;
      const fused = fuse(a, b, position) ?? fuse(b, a, position);
      if (fused) {
        result[fused.from] = undefined;
        result[position] = fused.node;
      }
    }
    for (const output of node.outputs) producer.set(output.id, position);
  });
  return result.filter((node) => node !== undefined);

  function fuse(
    product: Tensor,
    other: Tensor,
    position: number,
  ): { from: number; node: Node } | undefined {
    const from = producer.get(product.id);
    if (from === undefined || product === other || readers.get(product.id) !== 1) return undefined;
    if (product.placement.kind === "buffer" || overwritten(from, position)) return undefined;
    const node = withResidual(result[from]!, other, result[position]!.outputs[0]);
    return node && { from, node };
  }

  /** Whether a node in between writes a buffer that the one at `from` reads, as an optimizer step does: it cannot move past that. */
  function overwritten(from: number, position: number): boolean {
    const read = new Set(result[from]!.inputs.map(bufferOf));
    return result.slice(from + 1, position).some((node) =>
      node?.outputs.some((output) =>
        output.placement.kind === "buffer" && read.has(bufferOf(output))
      )
    );
  }
}

function bufferOf({ placement }: Tensor): string | undefined {
  return placement.kind === "buffer" ? placement.buffer : undefined;
}

function countReaders(nodes: readonly Node[]): Map<number, number> {
  const readers = new Map<number, number>();
  for (const input of nodes.flatMap((node) => node.inputs)) {
    readers.set(input.id, (readers.get(input.id) ?? 0) + 1);
  }
  return readers;
}
