/**
 * The LoRA step of programs/lora_step.ts in jax-js, jitted, on WebGPU: `deno run -A --no-lock bench/peers/jax_lora_step.ts --shape minilm --device webgpu
 * [--size ROWS]`. AdamW without sensitivities.
 */

import { readArguments } from "../harness/arguments.ts";
import { normals, randomIds } from "../harness/random_values.ts";
import { repeat } from "../harness/repetitions.ts";
import { LABELS, POSITIONS, RANK, shapeOf, TOKENS, VOCABULARY } from "../harness/shapes.ts";
import { loadJax } from "./load_jax.ts";

const options = readArguments(Deno.args);
const { width: C, heads, layers, feedForward, ...shape } = shapeOf(options.shape);
const B = options.size ?? shape.batch;
const T = TOKENS;
const { jax, facts } = await loadJax(options.device);
const { numpy: np, nn, tree } = jax;

/** An array or a traced one. Every use but the last takes `.ref`: jax-js counts references. */
type Value = typeof np.array;
type Values = Record<string, Value>;

const matrix = (rows: number, columns: number, deviation = 0.02): Value =>
  np.array(normals(rows * columns, deviation)).reshape([rows, columns]);
const linearWeights = (inFeatures: number, outFeatures: number) => ({
  weight: matrix(inFeatures, outFeatures),
  bias: np.zeros([outFeatures]),
});
const normWeights = () => ({ gamma: np.ones([C]), beta: np.zeros([C]) });
const adapterWeights = () => ({ a: matrix(C, RANK, 0.05), b: np.zeros([RANK, C]) });

const frozen = {
  words: matrix(VOCABULARY, C),
  types: matrix(2, C),
  positions: matrix(POSITIONS, C),
  norm: normWeights(),
  layers: Array.from({ length: layers }, () => ({
    query: linearWeights(C, C),
    key: linearWeights(C, C),
    value: linearWeights(C, C),
    mixed: linearWeights(C, C),
    inner: linearWeights(C, feedForward),
    outer: linearWeights(feedForward, C),
    attentionNorm: normWeights(),
    outputNorm: normWeights(),
  })),
  pooler: linearWeights(C, C),
};
const initial = {
  layers: Array.from({ length: layers }, () => ({
    query: adapterWeights(),
    value: adapterWeights(),
  })),
  head: linearWeights(C, LABELS),
};
const zeros = () => tree.map((value: Value) => np.zeros(value.shape), initial);
const ids = np.array(Int32Array.from(randomIds(B * T, VOCABULARY)));
const targets = nn.oneHot(np.array(Int32Array.from(randomIds(B, LABELS))), LABELS);

function linear(x: Value, { weight, bias }: Values): Value {
  return np.matmul(x, weight).add(bias);
}

function loraLinear(x: Value, base: Values, { a, b }: Values): Value {
  return linear(x.ref, base).add(np.matmul(np.matmul(x, a), b).mul(2));
}

function norm(x: Value, { gamma, beta }: Values): Value {
  return nn.standardize(x, -1, { epsilon: 1e-12 }).mul(gamma).add(beta);
}

/** x [B·T,C] */
function layer(x: Value, base: typeof frozen.layers[0], adapters: typeof initial.layers[0]): Value {
  const split = (projected: Value): Value => projected.reshape([B, T, heads, C / heads]);
  const attended = nn.dotProductAttention(
    split(loraLinear(x.ref, base.query, adapters.query)),
    split(linear(x.ref, base.key)),
    split(loraLinear(x.ref, base.value, adapters.value)),
  ).reshape([B * T, C]);
  const y = norm(linear(attended, base.mixed).add(x), base.attentionNorm);
  const inner = nn.gelu(linear(y.ref, base.inner), { approximate: false });
  return norm(linear(inner, base.outer).add(y), base.outputNorm);
}

function lossOf(
  trained: typeof initial,
  base: typeof frozen,
  tokens: Value,
  oneHot: Value,
): Value {
  // [T,C], of every row alike: a sample is one text of type 0.
  const places = base.positions.slice([0, T]).add(base.types.slice([0, 1]));
  const words = np.take(base.words, tokens, 0).reshape([B, T, C]);
  let x = norm(words.add(places), base.norm).reshape([B * T, C]);
  base.layers.forEach((weights, i) => x = layer(x, weights, trained.layers[i]));
  const first = x.reshape([B, T, C]).slice([], 0);
  const logits = linear(np.tanh(linear(first, base.pooler)), trained.head);
  return nn.logSoftmax(logits, -1).mul(oneHot).sum().mul(-1 / B);
}

const RATE = 1e-4, DECAY = 0.01, BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** `corrections`: 1 − β1ᵗ and 1 − β2ᵗ. */
const step = jax.jit((
  trained: typeof initial,
  first: typeof initial,
  second: typeof initial,
  corrections: Value,
  base: typeof frozen,
  tokens: Value,
  oneHot: Value,
) => {
  const [loss, gradient] = jax.valueAndGrad(lossOf)(tree.ref(trained), base, tokens, oneHot);
  const average = (beta: number) => (old: Value, now: Value): Value =>
    old.mul(beta).add(now.mul(1 - beta));
  const newFirst = tree.map(average(BETA1), first, tree.ref(gradient));
  const squares = tree.map((g: Value) => np.square(g), gradient);
  const newSecond = tree.map(average(BETA2), second, squares);
  const update = (p: Value, m: Value, v: Value): Value => {
    const root = np.sqrt(v.div(corrections.ref.slice(1))).add(EPSILON);
    return p.mul(1 - RATE * DECAY).sub(m.div(corrections.ref.slice(0)).div(root).mul(RATE));
  };
  const next = tree.map(update, trained, tree.ref(newFirst), tree.ref(newSecond));
  corrections.dispose();
  return { next, first: newFirst, second: newSecond, loss };
});

let state = { next: initial, first: zeros(), second: zeros() };
let steps = 0;
let last = NaN;

await repeat(
  { ...facts, B, T },
  async (times) => {
    for (let i = 0; i < times; i++) {
      steps++;
      const corrections = np.array([1 - BETA1 ** steps, 1 - BETA2 ** steps]);
      const { loss, ...rest } = step(
        state.next,
        state.first,
        state.second,
        corrections,
        tree.ref(frozen),
        ids.ref,
        targets.ref,
      );
      state = rest;
      if (i < times - 1) loss.dispose();
      else [last] = await loss.data();
    }
  },
  options,
  () => ({ loss: last }),
);
Deno.exit(0);
