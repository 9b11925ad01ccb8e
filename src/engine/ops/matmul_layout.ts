/** Sizes, strides and optional inputs of a matrix product, as its kernel and its CPU function read them. @module */

import { rowsOf, widthOf } from "../kernel_call.ts";
import type { Attributes, Node, Tensor } from "../program.ts";

/** Which operands are transposed, and which optional inputs follow a and b, in this order. */
export interface MatmulAttributes extends Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
  readonly bias: boolean;
  readonly columnMask: boolean;
  readonly lowRank: boolean;
  readonly scale: number;
  readonly residual: boolean;
}

/** Sizes and strides of a product, in elements. Axes before the last are one: [B,T,C] multiplies as [B·T, C]. */
export interface MatmulLayout {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aRow: number;
  readonly aDepth: number;
  readonly bDepth: number;
  readonly bColumn: number;
}

export function matmulLayout(
  a: Tensor,
  b: Tensor,
  { transposeA, transposeB }: MatmulAttributes,
): MatmulLayout {
  const aWidth = widthOf(a), bWidth = widthOf(b);
  const [m, k] = transposeA ? [aWidth, rowsOf(a)] : [rowsOf(a), aWidth];
  const [depth, n] = transposeB ? [bWidth, rowsOf(b)] : [rowsOf(b), bWidth];
  if (depth !== k) {
    throw new RangeError(
      `Cannot multiply "${a.name}" [${a.shape.join(", ")}]${
        transposeA ? "ᵀ" : ""
      } by "${b.name}" [${b.shape.join(", ")}]${
        transposeB ? "ᵀ" : ""
      }: expected equal inner sizes, got ${k} and ${depth}`,
    );
  }
  return {
    m,
    n,
    k,
    aRow: transposeA ? 1 : aWidth,
    aDepth: transposeA ? aWidth : 1,
    bDepth: transposeB ? 1 : bWidth,
    bColumn: transposeB ? bWidth : 1,
  };
}

export const layoutOf = (node: Node): MatmulLayout =>
  matmulLayout(node.inputs[0], node.inputs[1], attributesOf(node));
export const attributesOf = (node: Node): MatmulAttributes => node.attributes as MatmulAttributes;

/** Positions of the optional inputs. */
export function optionalInputs(
  attributes: MatmulAttributes,
): Record<"bias" | "mask" | "u" | "v" | "residual", number> {
  let next = 2;
  const take = (present: boolean) => present ? next++ : -1;
  return {
    bias: take(attributes.bias),
    mask: take(attributes.columnMask),
    u: take(attributes.lowRank),
    v: take(attributes.lowRank),
    residual: take(attributes.residual),
  };
}
