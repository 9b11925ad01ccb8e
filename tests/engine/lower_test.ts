import assert from "node:assert/strict";
import { lower } from "../../src/engine/lower.ts";
import { gradients } from "../../src/engine/gradients.ts";
import { add } from "../../src/engine/ops/add.ts";
import { copyTo } from "../../src/engine/ops/copy.ts";
import { fill } from "../../src/engine/ops/fill.ts";
import { layerNorm } from "../../src/engine/ops/layer_norm.ts";
import { linear, loraLinear } from "../../src/engine/ops/matmul.ts";
import {
  bufferTensor,
  createProgram,
  keepAs,
  type Program,
  type Tensor,
} from "../../src/engine/program.ts";
import { assertClose } from "../reference/compare.ts";
import { onEveryDevice } from "./devices.ts";
import { normalNumbers } from "./op_testing.ts";
import { runProgram } from "./run_program.ts";

const ROWS = 9, WIDTH = 12;

const operations = (program: Program) => program.nodes.map(({ op }) => op);

/** Inputs x, other [ROWS, WIDTH] and a weight w [WIDTH, WIDTH]. */
function inputs(program: Program): { x: Tensor; other: Tensor; w: Tensor } {
  return {
    x: bufferTensor(program, "input", "x", [ROWS, WIDTH]),
    other: bufferTensor(program, "input", "other", [ROWS, WIDTH]),
    w: bufferTensor(program, "weight", "w", [WIDTH, WIDTH]),
  };
}

/** A program that keeps what `build` returns as "y". */
function keeping(
  build: (program: Program, tensors: { x: Tensor; other: Tensor; w: Tensor }) => Tensor,
): Program {
  const program = createProgram("p");
  keepAs(program, build(program, inputs(program)), "y");
  return program;
}

Deno.test("lower() leaves the program that it was given unchanged", () => {
  const program = keeping((p, { x, other, w }) => add(p, linear(p, x, w), other));
  const before = structuredClone(program);
  lower(program);
  assert.deepEqual(structuredClone(program), before);
});

Deno.test("lower() drops nodes when nothing that is kept depends on them", () => {
  const program = keeping((p, { x, other, w }) => {
    const unread = linear(p, x, w);
    add(p, unread, other);
    return add(p, x, x);
  });
  assert.deepEqual(operations(program), ["matmul", "add", "add"]);
  assert.deepEqual(operations(lower(program)), ["add"]);
});

Deno.test("lower() keeps a node when one of its outputs lives in a buffer", () => {
  const program = createProgram("p");
  const { x } = inputs(program);
  copyTo(program, x, bufferTensor(program, "state", "copy", [ROWS, WIDTH]));
  assert.deepEqual(operations(lower(program)), ["copy"]);
  assert.deepEqual(operations(lower(createProgram("empty"))), []);
});

function normalised(wanted: boolean): Program {
  const program = createProgram(wanted ? "training" : "evaluation");
  const { x } = inputs(program);
  const gamma = bufferTensor(program, "weight", "gamma", [WIDTH]);
  const beta = bufferTensor(program, "weight", "beta", [WIDTH]);
  const y = layerNorm(program, x, gamma, beta, 1e-5);
  if (wanted) keepAs(program, gradients(program, y, [x])[0], "dx");
  keepAs(program, y, "y");
  return program;
}

Deno.test("lower() drops the outputs saved for a gradient when no gradient was asked for", () => {
  const names = (program: Program) => lower(program).nodes[0].outputs.map(({ name }) => name);
  assert.deepEqual(names(normalised(true)), ["x normalised", "statistics"]);
  assert.deepEqual(names(normalised(false)), ["x normalised"]);
});

onEveryDevice("lower() gives the same numbers when saved outputs are dropped", async (device) => {
  const data = {
    x: normalNumbers("x", ROWS * WIDTH),
    gamma: normalNumbers("gamma", WIDTH),
    beta: normalNumbers("beta", WIDTH),
  };
  const training = await runProgram(device, lower(normalised(true)), data, ["y"]);
  const evaluation = await runProgram(device, lower(normalised(false)), data, ["y"]);
  assert.deepEqual(evaluation, training);
});

Deno.test("lower() fuses a product and a sum when nothing else reads the product", () => {
  const program = keeping((p, { x, other, w }) => add(p, linear(p, x, w), other));
  const { nodes } = lower(program);
  assert.equal(nodes.length, 1);
  assert.equal(nodes[0].op, "matmul");
  assert.equal(nodes[0].attributes.residual, true);
  assert.deepEqual(nodes[0].inputs.map(({ name }) => name), ["x", "w", "other"]);
  assert.deepEqual(nodes[0].outputs[0].placement, { kind: "buffer", buffer: "y", offset: 0 });
});

/** Programs whose sums may be fused, and the operations that remain. */
const sums: Record<string, { program: Program; remaining: string[] }> = {
  "product first": {
    program: keeping((p, { x, other, w }) => add(p, linear(p, x, w), other)),
    remaining: ["matmul"],
  },
  "product second": {
    program: keeping((p, { x, other, w }) => add(p, other, linear(p, x, w))),
    remaining: ["matmul"],
  },
  "two products": {
    program: keeping((p, { x, other, w }) => add(p, linear(p, x, w), linear(p, other, w))),
    remaining: ["matmul", "matmul"],
  },
  "two sums on one product": {
    program: keeping((p, { x, other, w }) => add(p, add(p, linear(p, x, w), other), x)),
    remaining: ["matmul", "add"],
  },
  "a residual that is computed after the product": {
    program: keeping((p, { x, other, w }) => {
      const product = linear(p, x, w);
      return add(p, product, add(p, x, other));
    }),
    remaining: ["add", "matmul"],
  },
  "a product with a low-rank part": {
    program: keeping((p, { x, other, w }) => {
      const a = fill(p, [2, WIDTH], 0.25), b = fill(p, [WIDTH, 2], 0.5);
      const mask = bufferTensor(p, "input", "mask", [2], "u32");
      return add(p, loraLinear(p, x, w, undefined, { a, b, mask, scale: 2 }), other);
    }),
    remaining: ["fill", "fill", "matmul", "matmul"],
  },
  "a product added to itself": {
    program: keeping((p, { x, w }) => {
      const product = linear(p, x, w);
      return add(p, product, product);
    }),
    remaining: ["matmul", "add"],
  },
  "a product that another node reads": {
    program: keeping((p, { x, other, w }) => {
      const product = linear(p, x, w);
      return add(p, add(p, product, other), linear(p, product, w));
    }),
    remaining: ["matmul", "add", "matmul"],
  },
  "a product that is kept": {
    program: keeping((p, { x, other, w }) => {
      const product = linear(p, x, w);
      const sum = add(p, product, other);
      keepAs(p, product, "product");
      return sum;
    }),
    remaining: ["matmul", "add"],
  },
  "a product whose weight is written before the sum": {
    program: keeping((p, { x, other, w }) => {
      const product = linear(p, x, w);
      copyTo(p, fill(p, [WIDTH, WIDTH], 1), w);
      return add(p, product, other);
    }),
    remaining: ["matmul", "fill", "copy", "add"],
  },
};

for (const [name, { program, remaining }] of Object.entries(sums)) {
  onEveryDevice(`lower() computes the same when there is ${name}`, async (device) => {
    assert.deepEqual(operations(lower(program)), remaining);
    const data = {
      x: normalNumbers("x", ROWS * WIDTH),
      other: normalNumbers("other", ROWS * WIDTH),
      w: normalNumbers("w", WIDTH * WIDTH),
      ...(program.buffers.has("mask") && { mask: Uint32Array.of(1, 1) }),
    };
    const outputs = ["y", ...(program.buffers.has("product") ? ["product"] : [])];
    const plain = await runProgram(device, program, data, outputs);
    const lowered = await runProgram(device, lower(program), data, outputs);
    for (const output of outputs) assertClose(lowered[output], plain[output], 1e-6, output);
  });
}
