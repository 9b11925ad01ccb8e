/** A small transformer classifier, once as a program and once over the float64 oracles: embeddings, attention, feed-forward, LoRA, a head. */

import { activation } from "../../src/engine/ops/activation.ts";
import { add } from "../../src/engine/ops/add.ts";
import { attentionContext, attentionScores } from "../../src/engine/ops/attention_matmul.ts";
import { crossEntropy } from "../../src/engine/ops/cross_entropy.ts";
import { IGNORED_LABEL } from "../../src/engine/ops/ignored_label.ts";
import { embedding } from "../../src/engine/ops/embedding.ts";
import { layerNorm } from "../../src/engine/ops/layer_norm.ts";
import { maskedSoftmax } from "../../src/engine/ops/masked_softmax.ts";
import { linear, loraLinear } from "../../src/engine/ops/matmul.ts";
import { pool } from "../../src/engine/ops/pool.ts";
import { rmsNorm } from "../../src/engine/ops/rms_norm.ts";
import { bufferTensor, type Program, type Tensor } from "../../src/engine/program.ts";
import { add as addOracle } from "../reference/add.ts";
import { attentionContext as contextOracle } from "../reference/attention_context.ts";
import { attentionScores as scoresOracle } from "../reference/attention_scores.ts";
import { crossEntropy as crossEntropyOracle } from "../reference/cross_entropy.ts";
import { embedding as embeddingOracle } from "../reference/embedding.ts";
import { gelu } from "../reference/gelu.ts";
import { layerNorm as layerNormOracle } from "../reference/layer_norm.ts";
import { linear as linearOracle } from "../reference/linear.ts";
import { loraLinear as loraLinearOracle } from "../reference/lora_linear.ts";
import { maskedSoftmax as softmaxOracle } from "../reference/masked_softmax.ts";
import type { Numbers } from "../reference/numbers.ts";
import { pool as poolOracle } from "../reference/pool.ts";
import { rmsNorm as rmsNormOracle } from "../reference/rms_norm.ts";
import { normalNumbers } from "./op_testing.ts";

const B = 3, T = 5, H = 2, D = 4, C = H * D, F = 12, V = 11, L = 4, r = 3;
const N = B * T;
const EPSILON = 1e-5;
const SCALE = 2;

/** The shape of every f32 parameter. */
export const blockShapes = {
  table: [V, C],
  "norm1.gamma": [C],
  "norm1.beta": [C],
  "q.weight": [C, C],
  "q.bias": [C],
  "q.a": [r, C],
  "q.b": [C, r],
  "k.weight": [C, C],
  "v.weight": [C, C],
  "v.a": [r, C],
  "v.b": [C, r],
  "o.weight": [C, C],
  "norm2.gamma": [C],
  "up.weight": [F, C],
  "up.bias": [F],
  "down.weight": [C, F],
  "down.a": [r, F],
  "down.b": [C, r],
  "head.weight": [L, C],
  "head.bias": [L],
} as const satisfies Record<string, readonly number[]>;

/** A parameter's name. */
export type BlockParameter = keyof typeof blockShapes;

/** Names of all parameters. */
export const blockParameters = Object.keys(blockShapes) as BlockParameter[];

/** What a LoRA client trains. */
export const blockTrained = blockParameters.filter((name) => /\.[ab]$|^head/.test(name));

/** Parameters near those of an initialised model, but with B not zero, so that every gradient is there. */
export function blockValues(): Record<BlockParameter, Float32Array> {
  const values = blockParameters.map((name) => {
    const size = blockShapes[name].reduce((product: number, axis) => product * axis, 1);
    const numbers = normalNumbers(`block ${name}`, size);
    return [name, numbers.map((value) => (name.endsWith("gamma") ? 1 : 0) + 0.5 * value)];
  });
  return Object.fromEntries(values);
}

/** One batch: the last row is shorter, the second row's label is ignored, one component is masked. */
export const blockBatch = {
  ids: Uint32Array.from({ length: N }, (_, i) => (i * 7 + 3) % V),
  mask: Uint32Array.from({ length: N }, (_, i) => i < 2 * T || i % T < 3 ? 1 : 0),
  components: Uint32Array.of(1, 0, 1),
  pooling: Float32Array.from(
    { length: N },
    (_, i) => i < 2 * T ? 1 / T : i % T < 3 ? 1 / 3 : 0,
  ),
  labels: Uint32Array.of(2, IGNORED_LABEL, 0),
  weights: Float32Array.of(0.5, 0.25, 0.25),
};

/** Adds the model to a program and returns its row losses [B]; the batch goes to buffers named as in {@linkcode blockBatch}. */
export function buildBlock(
  program: Program,
  parameter: Readonly<Record<BlockParameter, Tensor>>,
): Tensor {
  const input = (name: keyof typeof blockBatch, shape: readonly number[]) =>
    bufferTensor(
      program,
      "input",
      name,
      shape,
      blockBatch[name] instanceof Uint32Array ? "u32" : "f32",
    );
  const p = parameter;
  const components = input("components", [r]);
  const adapted = (x: Tensor, name: "q" | "v" | "down") =>
    loraLinear(program, x, p[`${name}.weight`], name === "q" ? p["q.bias"] : undefined, {
      a: p[`${name}.a`],
      b: p[`${name}.b`],
      mask: components,
      scale: SCALE,
    });
  const rows = embedding(program, p.table, input("ids", [B, T]));
  const x = layerNorm(program, rows, p["norm1.gamma"], p["norm1.beta"], EPSILON);
  const q = adapted(x, "q"), k = linear(program, x, p["k.weight"]), v = adapted(x, "v");
  const scores = attentionScores(program, q, k, H, H);
  const attention = maskedSoftmax(program, scores, input("mask", [B, T]), D ** -0.5, false);
  const context = attentionContext(program, attention, v, H, H);
  const middle = add(program, linear(program, context, p["o.weight"]), x);
  const y = rmsNorm(program, middle, p["norm2.gamma"], EPSILON);
  const hidden = activation(program, "gelu", linear(program, y, p["up.weight"], p["up.bias"]));
  const last = add(program, middle, adapted(hidden, "down"));
  const pooled = pool(program, last, input("pooling", [B, T]));
  const logits = linear(program, pooled, p["head.weight"], p["head.bias"]);
  return crossEntropy(program, logits, input("labels", [B]), input("weights", [B]));
}

/** The same row losses in float64. */
export function blockOracle(p: Readonly<Record<BlockParameter, Numbers>>): Float64Array {
  const { ids, mask, components, pooling, labels, weights } = blockBatch;
  const square = { N, K: C, M: C }, norm = { N, C }, attention = { B, T, H, Hkv: H, D };
  const adapted = (x: Numbers, name: "q" | "v" | "down") =>
    loraLinearOracle(
      {
        x,
        w0: p[`${name}.weight`],
        ...(name === "q" && { bias: p["q.bias"] }),
        a: p[`${name}.a`],
        b: p[`${name}.b`],
        mask: components,
        s: SCALE,
      },
      { ...square, K: name === "down" ? F : C, r },
    );
  const rows = embeddingOracle(p.table, ids, { V, C });
  const x = layerNormOracle(rows, p["norm1.gamma"], p["norm1.beta"], norm, EPSILON);
  const q = adapted(x, "q"), k = linearOracle(x, p["k.weight"], undefined, square);
  const scores = scoresOracle(q, k, attention);
  const weightsOfKeys = softmaxOracle(scores, mask, { B, H, T }, D ** -0.5, false);
  const context = contextOracle(weightsOfKeys, adapted(x, "v"), attention);
  const middle = addOracle(linearOracle(context, p["o.weight"], undefined, square), x);
  const y = rmsNormOracle(middle, p["norm2.gamma"], norm, EPSILON);
  const hidden = gelu(linearOracle(y, p["up.weight"], p["up.bias"], { N, K: C, M: F }));
  const last = addOracle(middle, adapted(hidden, "down"));
  const pooled = poolOracle(last, pooling, { B, T, C });
  const logits = linearOracle(pooled, p["head.weight"], p["head.bias"], { N: B, K: C, M: L });
  return crossEntropyOracle(logits, labels, weights, { N: B, L });
}
