import { attention } from "../../../src/engine/ops/attention.ts";
import { attentionContext, attentionScores } from "../../../src/engine/ops/attention_matmul.ts";
import { maskedSoftmax } from "../../../src/engine/ops/masked_softmax.ts";
import { attention as oracle, attentionBackward } from "../../reference/attention.ts";
import {
  attentionContext as contextOracle,
  attentionContextBackward,
} from "../../reference/attention_context.ts";
import {
  attentionScores as scoresOracle,
  attentionScoresBackward,
} from "../../reference/attention_scores.ts";
import {
  maskedSoftmax as softmaxOracle,
  maskedSoftmaxBackward,
} from "../../reference/masked_softmax.ts";
import { testOp } from "../op_testing.ts";
import { attentionMask, documentMask } from "./attention_mask.ts";

/** B, T, H, Hkv, D */
const shapes = [[1, 1, 1, 1, 1], [2, 5, 4, 2, 6], [3, 33, 2, 2, 16], [2, 37, 6, 3, 7], [
  1,
  64,
  8,
  4,
  16,
]];

testOp(
  "attention scores",
  shapes.map(([B, T, H, Hkv, D]) => ({
    name: `scores B${B} T${T} H${H}/${Hkv} D${D}`,
    inputs: { q: { shape: [B, T, H * D] }, k: { shape: [B, T, Hkv * D] } },
    build: (program, { q, k }) => attentionScores(program, q, k, H, Hkv),
    oracle({ q, k }, dy) {
      const shape = { B, T, H, Hkv, D };
      const { dq, dk } = attentionScoresBackward(dy, q, k, shape);
      return { y: scoresOracle(q, k, shape), gradients: { q: dq, k: dk } };
    },
  })),
  ["8x8", "16x8"],
);

testOp(
  "attention context",
  shapes.map(([B, T, H, Hkv, D]) => ({
    name: `context B${B} T${T} H${H}/${Hkv} D${D}`,
    inputs: { p: { shape: [B, H, T, T] }, v: { shape: [B, T, Hkv * D] } },
    build: (program, { p, v }) => attentionContext(program, p, v, H, Hkv),
    oracle({ p, v }, dy) {
      const shape = { B, T, H, Hkv, D };
      const { dp, dv } = attentionContextBackward(dy, p, v, shape);
      return { y: contextOracle(p, v, shape), gradients: { p: dp, v: dv } };
    },
  })),
  ["8x8", "16x8"],
);

/** Which keys a query may see. */
const sights = [
  { causal: false, documents: false, told: "" },
  { causal: true, documents: false, told: " causal" },
  { causal: false, documents: true, told: " of its document" },
  { causal: true, documents: true, told: " causal of its document" },
];

function maskOf(documents: boolean, B: number, T: number): Uint32Array {
  return documents ? documentMask(B, T) : attentionMask(B, T);
}

testOp(
  "masked softmax",
  [[1, 1, 1], [2, 3, 5], [3, 2, 37], [2, 2, 130]].flatMap(([B, H, T]) =>
    sights.map(({ causal, documents, told }) => ({
      name: `softmax B${B} H${H} T${T}${told}`,
      inputs: {
        s: { shape: [B, H, T, T] },
        mask: { shape: [B, T], data: maskOf(documents, B, T) },
      },
      build: (program, { s, mask }) => maskedSoftmax(program, s, mask, 0.7, causal, documents),
      oracle({ s, mask }, dy) {
        const p = softmaxOracle(s, mask, { B, H, T }, 0.7, causal, documents);
        return { y: p, gradients: { s: maskedSoftmaxBackward(dy, p, { B, H, T }, 0.7) } };
      },
    }))
  ),
  ["16 lanes", "32 lanes", "64 lanes"],
);

/** B, T, H, Hkv, D: tiles of 32 tokens and columns on WebGPU, of 5, 6 and 8 on the CPU, and blocks of 80; head sizes of whole vectors and others. */
const fusedShapes = [
  [1, 1, 1, 1, 1],
  [2, 7, 4, 2, 3],
  [3, 33, 2, 2, 16],
  [2, 33, 6, 3, 7],
  [3, 81, 4, 1, 64],
  [2, 128, 2, 2, 32],
  [3, 130, 2, 1, 16],
  [1, 130, 1, 1, 128],
  [1, 40, 2, 1, 90],
];

/** Documents in some of the shapes alone: shaders take long to compile on a software adapter. */
function sightsOf(T: number, D: number): typeof sights {
  return T === 33 || (T === 130 && D === 16)
    ? sights
    : sights.filter(({ documents }) => !documents);
}

testOp(
  "attention()",
  fusedShapes.flatMap(([B, T, H, Hkv, D]) =>
    sightsOf(T, D).map(({ causal, documents, told }) => ({
      name: `attention B${B} T${T} H${H}/${Hkv} D${D}${told}`,
      inputs: {
        q: { shape: [B, T, H * D] },
        k: { shape: [B, T, Hkv * D] },
        v: { shape: [B, T, Hkv * D] },
        mask: { shape: [B, T], data: maskOf(documents, B, T) },
      },
      build: (program, { q, k, v, mask }) =>
        attention(program, q, k, v, mask, {
          heads: H,
          keyHeads: Hkv,
          scale: 0.3,
          causal,
          documents,
        }),
      oracle({ q, k, v, mask }, dy) {
        const shape = { B, T, H, Hkv, D };
        const settings = { mask, scale: Math.fround(0.3), causal, documents };
        const { dq, dk, dv } = attentionBackward(dy, q, k, v, shape, settings);
        return { y: oracle(q, k, v, shape, settings), gradients: { q: dq, k: dk, v: dv } };
      },
    }))
  ),
);
