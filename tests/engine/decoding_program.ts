/** A step that reads its tokens' keys and values from a cache: the operations that no training step has. */

import { applyTo } from "../../src/engine/op.ts";
import { cachedAttention } from "../../src/engine/ops/cached_attention.ts";
import { recordOp } from "../../src/engine/ops/record.ts";
import { bufferTensor, createProgram, keepAs, type Program } from "../../src/engine/program.ts";

/** Sizes of {@linkcode decodingProgram}. */
export interface DecodingShape {
  /** New tokens. */
  readonly T: number;
  readonly capacity: number;
  readonly H: number;
  readonly Hkv: number;
  readonly D: number;
}

/** Appends `keys` and `values` [1,T,Hkv·D] to caches at block `cursor`, and attends with `q` [1,T,H·D] to what is there: `context`. */
export function decodingProgram(
  { T, capacity, H, Hkv, D }: DecodingShape = { T: 2, capacity: 6, H: 4, Hkv: 2, D: 3 },
): Program {
  const program = createProgram("decoding");
  const cursor = bufferTensor(program, "input", "cursor", [1], "u32");
  const cached = ["keys", "values"].map((name) => {
    const rows = bufferTensor(program, "input", name, [1, T, Hkv * D]);
    const blocks = bufferTensor(program, "state", `cached ${name}`, [capacity / T, T * Hkv * D]);
    applyTo(program, recordOp, [rows, cursor], {}, [blocks]);
    return bufferTensor(program, "state", `cached ${name}`, [capacity, Hkv * D]);
  });
  const q = bufferTensor(program, "input", "q", [1, T, H * D]);
  const attributes = { heads: H, keyHeads: Hkv, scale: 0.3 };
  keepAs(program, cachedAttention(program, q, cached[0], cached[1], cursor, attributes), "context");
  return program;
}
