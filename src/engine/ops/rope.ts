/** Rotary position embedding (Su et al. 2021) in Hugging Face's half-rotation layout. @module */

import source from "../../../kernels/rope.wgsl" with { type: "text" };
import { elementwiseCall, rowwiseCpu, sizeOf } from "../kernel_call.ts";
import { apply, type Op } from "../op.ts";
import type { Attributes, Node, Program, Tensor } from "../program.ts";

interface RopeAttributes extends Attributes {
  readonly heads: number;
  /** 1 forward, −1 for the gradient: the inverse rotation. */
  readonly direction: number;
}

export const ropeOp: Op<RopeAttributes> = {
  name: "rope",
  infer([x, positions, table], { heads }) {
    const size = table.shape[1];
    const tokens = sizeOf(positions);
    if (sizeOf(x) !== tokens * heads * size || size % 2 !== 0) {
      throw new RangeError(
        `Cannot rotate "${x.name}" [${
          x.shape.join(", ")
        }]: expected ${tokens} tokens of ${heads} heads of ${size} (an even size)`,
      );
    }
    return [{ name: `${x.name} rotated`, shape: x.shape }];
  },
  gradient: ({ program, node, outputGradients: [dy] }) => [
    dy && apply(program, ropeOp, [dy, ...node.inputs.slice(1)], {
      ...node.attributes,
      direction: -node.attributes.direction,
    })[0],
    undefined,
    undefined,
  ],
  cost: (node) => ({ flops: 3 * sizeOf(node.outputs[0]), bytes: 8 * sizeOf(node.outputs[0]) }),
  kernel: (node) =>
    elementwiseCall(source, sizeOf(node.outputs[0]) / 2, {
      params: {
        heads: node.attributes.heads,
        half_size: node.inputs[2].shape[1] / 2,
        direction: node.attributes.direction,
      },
    }),
  cpu: rowwiseCpu((node) => sizeOf(node.inputs[1]), (node, tensors, begin, end) => {
    const { heads, direction } = (node as Node<RopeAttributes>).attributes;
    const x = tensors.f32(0),
      positions = tensors.u32(1),
      table = tensors.f32(2),
      y = tensors.f32(3);
    const half = node.inputs[2].shape[1] / 2;
    for (let n = begin; n < end; n++) {
      const angle = positions[n] * 2 * half;
      for (let h = 0; h < heads; h++) {
        const start = (n * heads + h) * 2 * half;
        for (let j = 0; j < half; j++) {
          const cosine = table[angle + j], sine = direction * table[angle + half + j];
          const first = x[start + j], second = x[start + half + j];
          y[start + j] = first * cosine - second * sine;
          y[start + half + j] = second * cosine + first * sine;
        }
      }
    }
  }),
};

/** Rotates each head of x [B,T,H·D] by its token's position; positions [B,T] u32, table [positions, D] from {@linkcode ropeTable}. */
export function rope(
  program: Program,
  x: Tensor,
  positions: Tensor,
  table: Tensor,
  heads: number,
): Tensor {
  return apply(program, ropeOp, [x, positions, table], { heads, direction: 1 })[0];
}

/** Rotary angles a position turns by, θ^(−2j/D), [D/2]. */
export function ropeFrequencies(headSize: number, theta: number): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, j) => Math.pow(theta, -2 * j / headSize));
}

/**
 * Cosines and sines of position · frequency, [positions, D] as D/2 cosines then D/2 sines a row; frequencies [D/2]. Computed here in float64, because
 * WGSL promises little about the sine of a large angle.
 */
export function ropeTable(positions: number, frequencies: Float64Array): Float32Array {
  const half = frequencies.length;
  const table = new Float32Array(positions * 2 * half);
  for (let position = 0; position < positions; position++) {
    const start = position * 2 * half;
    frequencies.forEach((frequency, j) => {
      table[start + j] = Math.cos(position * frequency);
      table[start + half + j] = Math.sin(position * frequency);
    });
  }
  return table;
}
