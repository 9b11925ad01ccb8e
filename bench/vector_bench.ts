/**
 * Speed of the CPU device's vector functions on one thread, WebAssembly beside plain TypeScript: `deno bench -A bench/vector_bench.ts`. Deno's table gives
 * times; the lines at the end give nanoseconds an element of the fastest call.
 */

import type { VectorFunctions } from "../src/engine/cpu/vector.ts";
import { plainVector } from "../src/engine/cpu/vector_plain.ts";
import { compileVector, createVector } from "../src/engine/cpu/vector_wasm.ts";
import type { ActivationKind } from "../src/engine/ops/activation_functions.ts";

const memory = new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true });
const module = compileVector();
const variants: [string, VectorFunctions][] = [["plain", plainVector]];
if (module) variants.unshift(["wasm", createVector(memory, module)]);

/** Sizes of a training step: 16 rows of 64 tokens, 4 heads. */
const B = 16, H = 4, T = 64, ELEMENTS = B * H * T * T, WIDTH = 128, ROWS = ELEMENTS / WIDTH;

const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((position) => {
  const view = new Float32Array(memory.buffer, 4 * ELEMENTS * position, ELEMENTS);
  for (let i = 0; i < ELEMENTS; i++) view[i] = (i * 7919 % 1999) / 250 - 4;
  return view;
});
const mask = new Uint32Array(memory.buffer, 4 * ELEMENTS * 5, B * T).fill(1);
const gamma = new Float32Array(memory.buffer, mask.byteOffset + mask.byteLength, WIDTH).fill(1);
const statistics = new Float32Array(memory.buffer, gamma.byteOffset + gamma.byteLength, 2 * ROWS);
statistics.fill(0.5);

const activations = (["gelu", "gelu_tanh", "tanh", "relu", "silu"] as const).flatMap((
  kind: ActivationKind,
): [string, (vector: VectorFunctions) => void][] => [
  [kind, (vector) => vector.activation(kind, a, b, 0, ELEMENTS)],
  [`${kind} backward`, (vector) => vector.activationBackward(kind, a, c, b, 0, ELEMENTS)],
]);
const softmax = (causal: boolean) => (vector: VectorFunctions): void =>
  vector.maskedSoftmax(
    { scores: a, mask, probabilities: b, heads: H, tokens: T, scale: 0.25, causal },
    0,
    B * H * T,
  );
const norm = { x: a, gamma, width: WIDTH, epsilon: 1e-5 };

const calls: readonly [string, (vector: VectorFunctions) => void][] = [
  ["add", (vector) => vector.add(a, b, c, 0, ELEMENTS)],
  ...activations,
  ["silu gate", (vector) => vector.gate("silu", a, c, b, 0, ELEMENTS)],
  [
    "silu gate backward",
    (vector) => vector.gateBackward("silu", { a, b: c, dy: c, da: d, db: e }, 0, ELEMENTS),
  ],
  ["softmax", softmax(false)],
  ["causal softmax", softmax(true)],
  [
    "softmax backward",
    (vector) =>
      vector.maskedSoftmaxBackward({ p: a, dp: c, ds: d, width: T, scale: 1 }, 0, B * H * T),
  ],
  ["layer norm", (vector) => vector.layerNorm({ ...norm, beta: gamma, y: d, statistics }, 0, ROWS)],
  [
    "layer norm backward",
    (vector) => vector.layerNormBackward({ ...norm, statistics, dy: c, dx: d }, 0, ROWS),
  ],
  ["rms norm", (vector) => vector.rmsNorm({ ...norm, y: d, rstd: statistics }, 0, ROWS)],
  [
    "rms norm backward",
    (vector) => vector.rmsNormBackward({ ...norm, rstd: statistics, dy: c, dx: d }, 0, ROWS),
  ],
];

const fastest = new Map<string, number>();

for (const [name, run] of calls) {
  for (const [variant, vector] of variants) {
    const title = `${name}, ${variant}`;
    Deno.bench(
      { name: title, group: name, baseline: variant === "plain", warmup: 20, n: 30 },
      () => {
        const start = performance.now();
        run(vector);
        const nanoseconds = (performance.now() - start) * 1e6 / ELEMENTS;
        fastest.set(title, Math.min(nanoseconds, fastest.get(title) ?? Infinity));
      },
    );
  }
}

globalThis.addEventListener("unload", () => {
  for (const [name] of calls) {
    const times = variants.map(([variant]) =>
      [variant, fastest.get(`${name}, ${variant}`)!] as const
    );
    const columns = times.map(([variant, time]) => `${variant} ${time.toFixed(2)}`).join(", ");
    console.log(`${name}: ${columns} ns/element`);
  }
});
