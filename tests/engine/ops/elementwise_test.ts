import assert from "node:assert/strict";
import { bufferTensor, createProgram, keepAs } from "../../../src/engine/program.ts";
import { onEveryDevice } from "../devices.ts";
import { activation } from "../../../src/engine/ops/activation.ts";
import { add } from "../../../src/engine/ops/add.ts";
import { columnMask } from "../../../src/engine/ops/column_mask.ts";
import { columnSum } from "../../../src/engine/ops/column_sum.ts";
import { dropout } from "../../../src/engine/ops/dropout.ts";
import { gate } from "../../../src/engine/ops/gate.ts";
import { scale } from "../../../src/engine/ops/scale.ts";
import { addBackward } from "../../reference/add.ts";
import * as dropoutOracle from "../../reference/dropout.ts";
import { gelu, geluBackward } from "../../reference/gelu.ts";
import { geluTanh, geluTanhBackward } from "../../reference/gelu_tanh.ts";
import { relu, reluBackward } from "../../reference/relu.ts";
import * as scaleOracle from "../../reference/scale.ts";
import { silu, siluBackward } from "../../reference/silu.ts";
import { siluGate, siluGateBackward } from "../../reference/silu_gate.ts";
import { tanh, tanhBackward } from "../../reference/tanh.ts";
import { testOp } from "../op_testing.ts";

const functions = {
  gelu: { forward: gelu, backward: geluBackward },
  gelu_tanh: { forward: geluTanh, backward: geluTanhBackward },
  tanh: { forward: tanh, backward: tanhBackward },
  relu: { forward: relu, backward: reluBackward },
  silu: { forward: silu, backward: siluBackward },
};

/** Ordinary values, then the tails where a careless formula overflows. */
const values = new Float32Array([
  ...Array.from({ length: 401 }, (_, i) => (i - 200) / 25),
  -1000,
  -90,
  -30,
  30,
  90,
  1000,
  -0,
]);

testOp(
  "activation",
  (Object.keys(functions) as (keyof typeof functions)[]).map((kind) => ({
    name: kind,
    inputs: { x: { shape: [values.length], data: values } },
    build: (program, { x }) => activation(program, kind, x),
    oracle: ({ x }, dy) => ({
      y: functions[kind].forward(x),
      gradients: { x: functions[kind].backward(dy, x) },
    }),
  })),
);

testOp(
  "scale",
  ([[[1], 3], [[7, 13], -0.1], [[5, 257], Math.sqrt(3072)]] as const).map(([shape, factor]) => ({
    name: `scale ${shape} by ${factor}`,
    inputs: { x: { shape } },
    build: (program, { x }) => scale(program, x, factor),
    oracle: ({ x }, dy) => ({
      y: scaleOracle.scale(x, factor),
      gradients: { x: scaleOracle.scaleBackward(dy, factor) },
    }),
  })),
);

onEveryDevice("activation() passes NaN on, so that a diverged model shows", async (device) => {
  const kinds = Object.keys(functions) as (keyof typeof functions)[];
  const programs = kinds.map((kind) => {
    const program = createProgram(kind);
    const x = bufferTensor(program, "input", "x", [3]);
    keepAs(program, activation(program, kind, x), `${kind} y`);
    return program;
  });
  const executor = await device.load(programs);
  executor.write("x", Float32Array.of(NaN, 1, -1));
  for (const kind of kinds) {
    executor.run(kind);
    const y = await executor.read(`${kind} y`);
    assert.deepEqual([...y].map(Number.isNaN), [true, false, false], kind);
  }
  await executor.close();
});

testOp(
  "gate",
  [1, 257, 5000].map((N) => ({
    name: `gate ${N}`,
    inputs: { a: { shape: [N] }, b: { shape: [N] } },
    build: (program, { a, b }) => gate(program, "silu", a, b),
    oracle({ a, b }, dy) {
      const { da, db } = siluGateBackward(dy, a, b);
      return { y: siluGate(a, b), gradients: { a: da, b: db } };
    },
  })),
);

// 256 elements a workgroup: the last case needs more than 65,535 of them.
testOp(
  "add",
  [1, 4097, 256 * 65_536 + 3].map((N) => ({
    name: `add ${N}`,
    inputs: N < 10_000 ? { a: { shape: [N] }, b: { shape: [N] } } : {
      a: { shape: [N], data: new Float32Array(N).fill(1.5) },
      b: { shape: [N], data: Float32Array.from({ length: N }, (_, i) => i % 1024) },
    },
    build: (program, { a, b }) => add(program, a, b),
    oracle: ({ a, b }, dy) => ({
      y: Float32Array.from(a, (value, i) => value + b[i]),
      gradients: N < 10_000 ? { a: addBackward(dy).da, b: addBackward(dy).db } : {},
    }),
  })),
);

testOp(
  "column mask",
  [[1, 1], [9, 5], [300, 33]].map(([N, C]) => ({
    name: `column mask ${N}×${C}`,
    inputs: {
      x: { shape: [N, C] },
      mask: { shape: [C], data: Uint32Array.from({ length: C }, (_, c) => c % 2) },
    },
    build: (program, { x, mask }) => columnMask(program, x, mask),
    oracle: ({ x }, dy) => ({
      y: Float32Array.from(x, (value, i) => i % C % 2 === 1 ? value : 0),
      gradients: { x: dy.map((value, i) => i % C % 2 === 1 ? value : 0) },
    }),
  })),
);

testOp(
  "column sum",
  [[1, 1], [9, 5], [1000, 33]].map(([N, C]) => ({
    name: `column sum ${N}×${C}`,
    inputs: { x: { shape: [N, C] } },
    build: (program, { x }) => columnSum(program, x),
    oracle: ({ x }) => {
      const y = new Float64Array(C);
      for (let i = 0; i < N * C; i++) y[i % C] += x[i];
      return { y, gradients: {} };
    },
  })),
);

testOp(
  "dropout",
  [0.1, 0.5, 0.9].map((rate) => ({
    name: `dropout ${rate}`,
    inputs: {
      x: { shape: [10_000] },
      seed: { shape: [1], data: Uint32Array.of(4_000_000_007) },
    },
    build: (program, { x, seed }) => dropout(program, x, seed, rate, 3),
    oracle: ({ x, seed }, dy) => ({
      y: dropoutOracle.dropout(x, seed[0], 3, rate),
      gradients: { x: dropoutOracle.dropoutBackward(dy, seed[0], 3, rate) },
    }),
  })),
);
