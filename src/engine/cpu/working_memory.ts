/** How much working memory each thread needs. @module */

import type { Op } from "../op.ts";
import type { Program } from "../program.ts";
import { GEMM_SCRATCH_BYTES } from "./gemm_wasm.ts";
import { dealNode } from "./share.ts";

/**
 * Bytes by thread: what matrix products take, or the most that a node asks for in which the thread takes part. Attention over long texts asks for tens of
 * megabytes, and has fewer units than some machines have threads.
 *
 * @throws TypeError for an operation that `lookup` does not know.
 */
export function workingBytes(
  programs: readonly Program[],
  threads: number,
  lookup: (name: string) => Op,
): number[] {
  const bytes = Array<number>(threads).fill(GEMM_SCRATCH_BYTES);
  for (const node of programs.flatMap(({ nodes }) => nodes)) {
    const op = lookup(node.op);
    const needed = op.cpu.scratch?.(node);
    if (needed === undefined) continue;
    const { participants } = dealNode(op, node, threads);
    for (let thread = 0; thread < participants; thread++) {
      bytes[thread] = Math.max(bytes[thread], needed);
    }
  }
  return bytes;
}
