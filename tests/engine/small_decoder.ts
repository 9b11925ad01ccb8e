/** A small Llama-like classifier: scaled embeddings, rotary positions, grouped keys, causal attention, RMS norm, a SiLU gate beside a straight path, dropout. */

import { add } from "../../src/engine/ops/add.ts";
import { attention } from "../../src/engine/ops/attention.ts";
import { crossEntropy } from "../../src/engine/ops/cross_entropy.ts";
import { dropout } from "../../src/engine/ops/dropout.ts";
import { embedding } from "../../src/engine/ops/embedding.ts";
import { gate } from "../../src/engine/ops/gate.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { pool } from "../../src/engine/ops/pool.ts";
import { rmsNorm } from "../../src/engine/ops/rms_norm.ts";
import { rope, ropeFrequencies, ropeTable } from "../../src/engine/ops/rope.ts";
import { scale } from "../../src/engine/ops/scale.ts";
import { splitThirds } from "../../src/engine/ops/thirds.ts";
import { bufferTensor, type Program, type Tensor } from "../../src/engine/program.ts";

const B = 2, T = 6, H = 4, Hkv = 2, D = 4, C = H * D, F = 20, V = 13, L = 3;
const EPSILON = 1e-5;

/** The shape of every f32 parameter. */
export const decoderShapes = {
  table: [V, C],
  "norm1.gamma": [C],
  "q.weight": [C, C],
  "k.weight": [Hkv * D, C],
  "v.weight": [Hkv * D, C],
  "o.weight": [C, C],
  "norm2.gamma": [C],
  "up.weight": [3 * F, C],
  "down.weight": [C, F],
  "score.weight": [L, C],
} as const satisfies Record<string, readonly number[]>;

/** One batch; the second row is shorter. */
export const decoderBatch = {
  ids: Uint32Array.from({ length: B * T }, (_, i) => (i * 5 + 2) % V),
  positions: Uint32Array.from({ length: B * T }, (_, i) => i % T),
  angles: ropeTable(T, ropeFrequencies(D, 10_000)),
  mask: Uint32Array.from({ length: B * T }, (_, i) => i < T + 4 ? 1 : 0),
  pooling: Float32Array.from({ length: B * T }, (_, i) => i === T - 1 || i === T + 3 ? 1 : 0),
  labels: Uint32Array.of(1, 2),
  weights: Float32Array.of(0.5, 0.5),
  seed: Uint32Array.of(12345),
};

/** Adds the model to a program and returns its row losses [B]; the batch goes to buffers named as in {@linkcode decoderBatch}. */
export function buildDecoder(
  program: Program,
  p: Readonly<Record<keyof typeof decoderShapes, Tensor>>,
): Tensor {
  const input = (name: keyof typeof decoderBatch, shape: readonly number[]) =>
    bufferTensor(
      program,
      "input",
      name,
      shape,
      decoderBatch[name] instanceof Uint32Array ? "u32" : "f32",
    );
  const positions = input("positions", [B, T]), angles = input("angles", [T, D]);
  const rows = scale(program, embedding(program, p.table, input("ids", [B, T])), 1.5);
  const x = rmsNorm(program, rows, p["norm1.gamma"], EPSILON);
  const q = rope(program, linear(program, x, p["q.weight"]), positions, angles, H);
  const k = rope(program, linear(program, x, p["k.weight"]), positions, angles, Hkv);
  const v = linear(program, x, p["v.weight"]);
  const heads = { heads: H, keyHeads: Hkv, scale: D ** -0.5, causal: true, documents: false };
  const context = attention(program, q, k, v, input("mask", [B, T]), heads);
  const dropped = dropout(program, context, input("seed", [1]), 0.25, 1);
  const middle = add(program, rows, linear(program, dropped, p["o.weight"]));
  const y = rmsNorm(program, middle, p["norm2.gamma"], EPSILON);
  const [gates, up, straight] = splitThirds(program, linear(program, y, p["up.weight"]));
  const inner = add(program, gate(program, "silu", gates, up), straight);
  const fed = linear(program, inner, p["down.weight"]);
  const pooled = pool(program, add(program, middle, fed), input("pooling", [B, T]));
  const logits = linear(program, pooled, p["score.weight"]);
  return crossEntropy(program, logits, input("labels", [B]), input("weights", [B]));
}
