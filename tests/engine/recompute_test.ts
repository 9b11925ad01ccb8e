import assert from "node:assert/strict";
import { gradients } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { activation } from "../../src/engine/ops/activation.ts";
import { add } from "../../src/engine/ops/add.ts";
import { copyTo } from "../../src/engine/ops/copy.ts";
import { layerNorm } from "../../src/engine/ops/layer_norm.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { planMemory } from "../../src/engine/plan.ts";
import {
  bufferTensor,
  createProgram,
  keepAs,
  type Program,
  type Tensor,
} from "../../src/engine/program.ts";
import { recompute } from "../../src/engine/recompute.ts";
import { onEveryDevice } from "./devices.ts";
import { normalNumbers } from "./op_testing.ts";
import { runProgram } from "./run_program.ts";

const ROWS = 5, WIDTH = 8;

/** What a layer of {@linkcode stack} does to its input, with a weight of its own. */
type Layer = (program: Program, x: Tensor, w: Tensor) => Tensor;

/** gelu(norm(x)·wᵀ)·wᵀ + x, whose norm saves statistics for its gradient. */
const usual: Layer = (program, x, w) => {
  const gamma = bufferTensor(program, "weight", "gamma", [WIDTH]);
  const beta = bufferTensor(program, "weight", "beta", [WIDTH]);
  const normed = layerNorm(program, x, gamma, beta, 1e-5);
  const inner = activation(program, "gelu", linear(program, normed, w));
  return add(program, linear(program, inner, w), x);
};

/** A lowered program of the gradients of the layers' weights, which it keeps as "dw0", "dw1", …. */
function stack(...layers: readonly Layer[]): Program {
  const program = createProgram("stack");
  const weights = layers.map((_, i) => bufferTensor(program, "state", `w${i}`, [WIDTH, WIDTH]));
  let x = activation(program, "tanh", bufferTensor(program, "input", "x", [ROWS, WIDTH]));
  program.boundaries.push(x);
  layers.forEach((layer, i) => {
    x = layer(program, x, weights[i]);
    program.boundaries.push(x);
  });
  const loss = add(program, x, x);
  gradients(program, loss, weights).forEach((dw, i) => keepAs(program, dw, `dw${i}`));
  keepAs(program, loss, "loss");
  return lower(program);
}

const data = {
  x: normalNumbers("x", ROWS * WIDTH),
  ...Object.fromEntries([0, 1, 2, 3].map((i) => [`w${i}`, normalNumbers(`w${i}`, WIDTH ** 2)])),
};

/** Names of what each node computes first, in order. */
const computed = (program: Program) => program.nodes.map(({ outputs: [{ name }] }) => name);

const again = (program: Program) => computed(program).filter((name) => name.endsWith(" again"));

const planned = (program: Program) =>
  planMemory([program]).slots.reduce((sum, size) => sum + size, 0);

onEveryDevice("recompute() gives the same bytes from fewer elements at once", async (device) => {
  const kept = stack(usual, usual, usual, usual);
  const outputs = ["dw0", "dw1", "dw2", "dw3"];
  const repeated = recompute(kept);
  assert.ok(planned(repeated) < 0.7 * planned(kept));
  const expected = await runProgram(device, kept, data, outputs);
  assert.deepEqual(await runProgram(device, repeated, data, outputs), expected);
});

Deno.test("recompute() leaves the program that it was given unchanged", () => {
  const program = stack(usual, usual);
  const before = structuredClone(program);
  recompute(program);
  assert.deepEqual(structuredClone(program), before);
});

Deno.test("recompute() runs a layer again right before what reads it, and the last layer once", () => {
  const { nodes } = recompute(stack(usual, usual, usual));
  const positions = nodes.flatMap(({ outputs: [{ name }] }, position) =>
    name.endsWith(" again") ? [position] : []
  );
  // Of each layer what its backward pass reads: not the product that ends it.
  const layer = ["layer_norm", "matmul", "activation"];
  assert.deepEqual(positions.map((position) => nodes[position].op), [...layer, ...layer]);
  assert.deepEqual([1, 4].map((i) => nodes[positions[i]].inputs[1].name), ["w1", "w0"]);
  for (const last of [positions[2], positions[5]]) {
    const made = nodes.slice(last - 2, last + 1).flatMap(({ outputs }) => outputs);
    assert.ok(nodes[last + 1].inputs.some((input) => made.includes(input)));
  }
});

Deno.test("recompute() lets the first run of a layer save nothing, and a repetition what is read", () => {
  const norms = recompute(stack(usual, usual, usual)).nodes.filter(({ op }) => op === "layer_norm");
  // Forward, forward, the last layer's; again; again where no gradient goes on to what enters the first layer.
  assert.deepEqual(norms.map(({ outputs }) => outputs.length), [1, 1, 2, 2, 1]);
});

Deno.test("recompute() gives every tensor its place among the program's", () => {
  const { tensors, nodes } = recompute(stack(usual, usual, usual));
  tensors.forEach(({ id }, place) => assert.equal(id, place));
  for (const tensor of nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs])) {
    assert.equal(tensors[tensor.id], tensor);
  }
});

Deno.test("recompute() keeps what a later layer reads", () => {
  let shared: Tensor;
  const sharing: Layer = (program, x, w) => {
    shared = linear(program, x, w);
    return add(program, activation(program, "gelu", shared), x);
  };
  const reading: Layer = (program, x, w) => linear(program, add(program, x, shared), w);
  const program = recompute(stack(sharing, reading, usual));
  assert.ok(again(program).length > 0, "the layers have something to run again");
  assert.ok(!again(program).some((name) => name.includes("w0")), String(again(program)));
});

Deno.test("recompute() runs nothing again that writes a buffer", () => {
  const writing: Layer = (program, x, w) => {
    const inner = activation(program, "gelu", linear(program, x, w));
    copyTo(program, inner, bufferTensor(program, "output", "seen", [ROWS, WIDTH]));
    keepAs(program, inner, "inner");
    return linear(program, inner, w);
  };
  const program = recompute(stack(writing, usual));
  assert.deepEqual(again(program).map((name) => name.includes("w0")), [true]);
  assert.equal(program.nodes.filter(({ op }) => op === "copy").length, 1);
});

Deno.test("recompute() changes nothing when there are no two layers or no gradients", () => {
  const alone = stack(usual);
  const unmarked = { ...stack(usual, usual), boundaries: [] };
  const forward = createProgram("forward");
  let x = bufferTensor(forward, "input", "x", [ROWS, WIDTH]);
  for (let i = 0; i < 3; i++) {
    forward.boundaries.push(x);
    x = usual(forward, x, bufferTensor(forward, "weight", `w${i}`, [WIDTH, WIDTH]));
  }
  keepAs(forward, x, "y");
  for (const program of [alone, unmarked, lower(forward), createProgram("empty")]) {
    assert.deepEqual(recompute(program), program);
  }
});
