/** The ways to compute a matrix product on a GPU, and which of them suit its sizes. @module */

import type { KernelVariants } from "../op.ts";
import { isCompact, type Node } from "../program.ts";
import { layoutOf, type MatmulAttributes } from "./matmul_layout.ts";

/** How a product is computed: what an invocation computes in registers, or tiles in workgroup memory; and in how many parts along K. */
export interface MatmulVariant {
  /** Rows of an invocation: 4, 8 or 16. */
  readonly rows: number;
  /** Columns of an invocation: 4, 8 or 12. */
  readonly columns: number;
  /** 64×64 a workgroup through workgroup memory, 8×8 an invocation. */
  readonly shared: boolean;
  /** Sums over parts of K that a second stage adds; products that something is added to have one. */
  readonly parts: number;
}

const TILES = ["4x4", "8x4", "8x8", "16x4", "16x8", "16x12"];
/** A part of K is at least this long, so that its sums are worth storing. */
const SHORTEST_PART = 32;
/** Elements of the partial sums at most, 16 MiB. */
const LARGEST_SCRATCH = 2 ** 22;
/** Invocations that keep a large GPU busy; with fewer, parts are worth a try. */
const BUSY = 2 ** 14;
/** Multiply-adds below which nothing is gained from tiles that take long to compile. */
const SMALL = 2 ** 20;

/** The variant of a name: "16x8", "shared", "8x4 parts 16". */
export function parseVariant(name: string): MatmulVariant {
  const match = /^(?:(4|8|16)x(4|8|12)|shared)(?: parts (\d+))?$/.exec(name);
  const parts = Number(match?.[3] ?? 1);
  if (match === null || parts < 1) {
    throw new RangeError(
      `Cannot compute matmul by "${name}": expected ROWSxCOLUMNS or shared, and "parts" and their number where it is cut`,
    );
  }
  const [rows, columns] = match[1] === undefined ? [8, 8] : [Number(match[1]), Number(match[2])];
  return { rows, columns, shared: match[1] === undefined, parts };
}

/** Columns of invocations a workgroup has: at most 8, and no more than a narrow result (LoRA's rank) needs. */
export function columnLanes(n: number, columns: number): number {
  return powerOfTwo(Math.min(8, Math.ceil(n / columns)));
}

/** Rows of invocations a workgroup has: 64 invocations in all, unless the result is smaller. */
export function rowLanes(m: number, rows: number, lanesAcross: number): number {
  return powerOfTwo(Math.min(64 / lanesAcross, Math.ceil(m / rows)));
}

/** The next power of two. */
function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

export const matmulVariants: KernelVariants<MatmulAttributes> = {
  kindOf(node) {
    const { m, n, k } = layoutOf(node);
    const { transposeA, transposeB, bias, columnMask, lowRank, residual } = node.attributes;
    return [
      "matmul",
      `${m}x${k}x${n}`,
      `${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}`,
      ...(isCompact(node.inputs[1].dtype) ? [`${node.inputs[1].dtype}_b`] : []),
      ...(bias ? ["bias"] : []),
      ...(columnMask ? ["column_mask"] : []),
      ...(lowRank ? ["low_rank"] : []),
      ...(residual ? ["residual"] : []),
    ].join(" ");
  },
  suiting(node, software) {
    const { m, n, k } = layoutOf(node);
    const preferred = software ? softwareVariant(node) : hardwareVariant(node);
    const tiles = TILES.filter((name) => {
      const { rows, columns } = parseVariant(name);
      return (rows === 4 || rows <= m) && (columns === 4 || columns <= n);
    });
    if (m >= 32 && n >= 32) tiles.push("shared");
    const names = tiles.flatMap((name) =>
      [1, ...partCounts(node, parseVariant(name))].map((parts) => variantText(name, parts))
    );
    if (m * n * k < SMALL) return [preferred];
    return [...new Set([preferred, ...names])];
  },
};

function variantText(tile: string, parts: number): string {
  return parts === 1 ? tile : `${tile} parts ${parts}`;
}

/** Numbers of parts worth trying: a few that raise the invocations towards what keeps a GPU busy. */
function partCounts(node: Node<MatmulAttributes>, { rows, columns }: MatmulVariant): number[] {
  const { m, n, k } = layoutOf(node);
  if (hasAddends(node)) return [];
  const invocations = Math.ceil(m / rows) * Math.ceil(n / columns);
  return [4, 16, 64].filter((parts) =>
    k / parts >= SHORTEST_PART && m * n * parts <= LARGEST_SCRATCH &&
    invocations * parts <= BUSY
  );
}

/** Whether something is added to the product, which must happen once. */
export function hasAddends({ attributes }: Node<MatmulAttributes>): boolean {
  return attributes.bias || attributes.lowRank || attributes.residual;
}

/** What a GPU runs unmeasured: enough invocations first, then large tiles. */
function hardwareVariant(node: Node<MatmulAttributes>): string {
  const { m, n } = layoutOf(node);
  if (m >= 64 && n >= 64) return m * n >= 2 ** 20 ? "shared" : "8x4";
  const parts = partCounts(node, parseVariant("8x4"));
  return variantText("8x4", parts.length > 1 ? parts[1] : 1);
}

/** What llvmpipe runs: the fastest of those measured in kernels/README.md. */
function softwareVariant(node: Node<MatmulAttributes>): string {
  const { m, n, k } = layoutOf(node);
  if (m * n * k < SMALL) return "8x4";
  if (n > 16) return m <= 16 ? "8x8" : n < 96 ? "16x8" : "16x12";
  // One thread computes a workgroup.
  const workgroups = m / (16 * rowLanes(m, 16, columnLanes(n, 4)));
  const [parts = 1] = partCounts(node, parseVariant("16x4"));
  return variantText("16x4", workgroups < 4 ? parts : 1);
}
