/**
 * The oracles composed into whole models against numbers made by PyTorch: what finite differences
 * cannot show, that each
 * forward pass means what Hugging Face's models mean.
 *
 * @module
 */
import { add } from "./add.ts";
import { adamw, type AdamwResult } from "./adamw.ts";
import { attentionContext } from "./attention_context.ts";
import { attentionScores, type AttentionShape } from "./attention_scores.ts";
import { clipGlobalNorm } from "./clip_global_norm.ts";
import { assertClose } from "./compare.ts";
import { crossEntropy, crossEntropyBackward } from "./cross_entropy.ts";
import { embedding } from "./embedding.ts";
import { gelu } from "./gelu.ts";
import { layerNorm } from "./layer_norm.ts";
import { linear, linearBackward } from "./linear.ts";
import { maskedSoftmax } from "./masked_softmax.ts";
import { mapNumbers, type Numbers } from "./numbers.ts";
import { pool } from "./pool.ts";
import { type Golden, readGolden } from "./read_golden.ts";
import { rmsNorm } from "./rms_norm.ts";
import { rope } from "./rope.ts";
import { siluGate } from "./silu_gate.ts";
import { tanh } from "./tanh.ts";

const [B, T, C, L, V] = [4, 12, 32, 3, 64];
const N = B * T;
/** Both sides compute in float64; what remains is the order of additions. */
const TOLERANCE = 1e-12;
const ADAMW = {
  learningRate: 0.03,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
};

/** A linear layer by name; without a bias where the model has none. */
function linearOf(model: Golden, name: string, x: Numbers, rows: number): Float64Array {
  const { shape: [M, K], data } = model.tensor(`${name}.weight`);
  const bias = model.names.includes(`${name}.bias`) ? model.tensor(`${name}.bias`).data : undefined;
  return linear(x, data, bias, { N: rows, K, M });
}

function attend(
  [q, k, v]: Float64Array[],
  mask: Numbers,
  shape: AttentionShape,
  causal: boolean,
): Float64Array {
  const scores = attentionScores(q, k, shape);
  return attentionContext(
    maskedSoftmax(scores, mask, shape, 1 / Math.sqrt(shape.D), causal),
    v,
    shape,
  );
}

function bertHiddenStates(model: Golden, ids: Numbers, mask: Numbers): Float64Array {
  const norm = (name: string, x: Numbers) => {
    const [gamma, beta] = ["weight", "bias"].map((part) => model.tensor(`${name}.${part}`).data);
    return layerNorm(x, gamma, beta, { N, C }, 1e-12);
  };
  const table = (name: string) => model.tensor(`bert.embeddings.${name}_embeddings.weight`);
  const rows = (name: string, at: Numbers) =>
    embedding(table(name).data, at, { V: table(name).shape[0], C });
  const positions = mapNumbers(ids, (_, i) => i % T);
  let x = add(rows("word", ids), rows("token_type", new Uint32Array(N)));
  x = norm("bert.embeddings.LayerNorm", add(x, rows("position", positions)));
  for (const layer of [0, 1].map((i) => `bert.encoder.layer.${i}`)) {
    const projected = ["query", "key", "value"].map((part) =>
      linearOf(model, `${layer}.attention.self.${part}`, x, N)
    );
    const context = attend(projected, mask, { B, T, H: 4, Hkv: 4, D: 8 }, false);
    const attended = linearOf(model, `${layer}.attention.output.dense`, context, N);
    x = norm(`${layer}.attention.output.LayerNorm`, add(attended, x));
    const inner = gelu(linearOf(model, `${layer}.intermediate.dense`, x, N));
    x = norm(
      `${layer}.output.LayerNorm`,
      add(linearOf(model, `${layer}.output.dense`, inner, N), x),
    );
  }
  return x;
}

function llamaHiddenStates(model: Golden, ids: Numbers, mask: Numbers): Float64Array {
  const norm = (name: string, x: Numbers) =>
    rmsNorm(x, model.tensor(`${name}.weight`).data, { N, C }, 1e-6);
  let x = embedding(model.tensor("model.embed_tokens.weight").data, ids, { V, C });
  for (const layer of [0, 1].map((i) => `model.layers.${i}`)) {
    const normalized = norm(`${layer}.input_layernorm`, x);
    const [q, k, v] = ["q", "k", "v"].map((part) =>
      linearOf(model, `${layer}.self_attn.${part}_proj`, normalized, N)
    );
    const turned = [rope(q, { B, T, H: 4, D: 8 }, 10000), rope(k, { B, T, H: 2, D: 8 }, 10000), v];
    const context = attend(turned, mask, { B, T, H: 4, Hkv: 2, D: 8 }, true);
    x = add(x, linearOf(model, `${layer}.self_attn.o_proj`, context, N));
    const inner = norm(`${layer}.post_attention_layernorm`, x);
    const [gate, up] = ["gate", "up"].map((part) =>
      linearOf(model, `${layer}.mlp.${part}_proj`, inner, N)
    );
    x = add(x, linearOf(model, `${layer}.mlp.down_proj`, siluGate(gate, up), N));
  }
  return norm("model.norm", x);
}

/** Pooling weights [B, T] for the mean, the first and the last real token. */
function poolingWeights(mask: Numbers): Record<"mean" | "first" | "last", Float64Array> {
  const lengths = mapNumbers(new Uint8Array(B), (_, b) => {
    let real = 0;
    for (let t = 0; t < T; t++) real += mask[b * T + t];
    return real;
  });
  const lengthOf = (i: number) => lengths[Math.floor(i / T)];
  return {
    mean: mapNumbers(mask, (m, i) => m / lengthOf(i)),
    first: mapNumbers(mask, (_, i) => i % T === 0 ? 1 : 0),
    last: mapNumbers(mask, (_, i) => i % T === lengthOf(i) - 1 ? 1 : 0),
  };
}

const FAMILIES = {
  bert: {
    hiddenStates: bertHiddenStates,
    classify: (model: Golden, x: Numbers) =>
      linearOf(model, "classifier", tanh(linearOf(model, "bert.pooler.dense", x, B)), B),
  },
  llama: {
    hiddenStates: llamaHiddenStates,
    classify: (model: Golden, x: Numbers) => linearOf(model, "score", x, B),
  },
};

for (const [family, { hiddenStates, classify }] of Object.entries(FAMILIES)) {
  Deno.test(`oracles give the hidden states and logits of PyTorch's ${family}`, async () => {
    const model = await readGolden(`${family}/model.safetensors`);
    const golden = await readGolden(`${family}/golden.safetensors`);
    const mask = golden.tensor("attention_mask").data;
    const hidden = hiddenStates(model, golden.tensor("input_ids").data, mask);
    assertClose(hidden, golden.tensor("hidden_states").data, TOLERANCE, "hidden_states");
    for (const [pooling, weights] of Object.entries(poolingWeights(mask))) {
      const logits = classify(model, pool(hidden, weights, { B, T, C }));
      const name = `logits.${pooling}`;
      assertClose(logits, golden.tensor(name).data, TOLERANCE, name);
    }
  });
}

Deno.test("adamw() and clipGlobalNorm() train a softmax regression as PyTorch does", async () => {
  const golden = await readGolden("regression/golden.safetensors");
  const [x, labels] = [golden.tensor("x"), golden.tensor("labels").data];
  const [rows, K] = x.shape;
  const ones = new Float64Array(rows).fill(1);
  const weights = new Float64Array(rows).fill(1 / rows);
  const start = (parameter: Float64Array): AdamwResult => ({
    parameter,
    firstMoment: new Float64Array(parameter.length),
    secondMoment: new Float64Array(parameter.length),
  });
  let [w, bias] = ["weight", "bias"].map((name) => start(golden.tensor(name).data));
  const [losses, norms]: number[][] = [[], []];
  for (let step = 1; step <= 50; step++) {
    const logits = linear(x.data, w.parameter, bias.parameter, { N: rows, K, M: L });
    const rowLoss = crossEntropy(logits, labels, weights, { N: rows, L });
    losses.push(rowLoss.reduce((sum, loss) => sum + loss, 0));
    const dLogits = crossEntropyBackward(ones, logits, labels, weights, { N: rows, L });
    const { dw, dbias } = linearBackward(dLogits, x.data, w.parameter, { N: rows, K, M: L });
    const { norm, clipped } = clipGlobalNorm([dw, dbias], 1);
    norms.push(norm);
    const options = { step, ...ADAMW };
    [w, bias] = [adamw(w, clipped[0], options), adamw(bias, clipped[1], options)];
  }
  assertClose(losses, golden.tensor("losses").data, TOLERANCE, "losses");
  assertClose(norms, golden.tensor("norms").data, TOLERANCE, "norms");
  assertClose(w.parameter, golden.tensor("final.weight").data, TOLERANCE, "final.weight");
  assertClose(bias.parameter, golden.tensor("final.bias").data, TOLERANCE, "final.bias");
});
