import assert from "node:assert/strict";
import { gradients, placeIn } from "../../src/engine/gradients.ts";
import { lower } from "../../src/engine/lower.ts";
import { activation } from "../../src/engine/ops/activation.ts";
import { add } from "../../src/engine/ops/add.ts";
import { columnSum } from "../../src/engine/ops/column_sum.ts";
import { layerNorm } from "../../src/engine/ops/layer_norm.ts";
import { linear, loraLinear } from "../../src/engine/ops/matmul.ts";
import {
  bufferTensor,
  createProgram,
  declareBuffer,
  keepAs,
  type Program,
  sliceTensor,
  type Tensor,
} from "../../src/engine/program.ts";
import { assertClose } from "../reference/compare.ts";
import { finiteDifference } from "../reference/finite_difference.ts";
import { onEveryDevice } from "./devices.ts";
import { runProgram } from "./run_program.ts";
import {
  blockBatch,
  blockOracle,
  type BlockParameter,
  blockParameters,
  blockShapes,
  blockTrained,
  blockValues,
  buildBlock,
} from "./small_block.ts";

const operations = (program: Program) => program.nodes.map(({ op }) => op);

onEveryDevice("gradients() adds up what flows back when an input is shared", async (device) => {
  const program = createProgram("shared");
  const x = bufferTensor(program, "input", "x", [3]);
  const twice = add(program, x, x);
  const y = add(program, add(program, twice, x), activation(program, "relu", x));
  keepAs(program, gradients(program, y, [x])[0], "dx");
  const { dx } = await runProgram(device, lower(program), { x: Float32Array.of(-1, 2, 3) }, ["dx"]);
  assert.deepEqual(dx, Float32Array.of(3, 4, 4));
});

onEveryDevice("gradients() starts from the seed when one is given", async (device) => {
  const program = createProgram("seeded");
  const x = bufferTensor(program, "input", "x", [3]);
  const seed = bufferTensor(program, "input", "seed", [3]);
  const y = add(program, x, x);
  const [dx, dy] = gradients(program, y, [x, y], seed);
  assert.equal(dy, seed);
  keepAs(program, dx, "dx");
  const data = { x: new Float32Array(3), seed: Float32Array.of(1, 10, -2) };
  assert.deepEqual(
    (await runProgram(device, program, data, ["dx"])).dx,
    Float32Array.of(2, 20, -4),
  );
});

Deno.test("gradients() refuses a seed when its shape is not the loss's", () => {
  const program = createProgram("p");
  const x = bufferTensor(program, "input", "x", [3]);
  const y = add(program, x, x);
  const seed = bufferTensor(program, "input", "seed", [2]);
  assert.throws(() => gradients(program, y, [x], seed), {
    name: "RangeError",
    message: 'Cannot apply gradients to "seed": expected shape [3], got [2]',
  });
});

Deno.test("gradients() names both tensors when the loss does not depend on one", () => {
  const program = createProgram("p");
  const x = bufferTensor(program, "input", "x", [2, 3]);
  const w = bufferTensor(program, "weight", "w", [4, 3]);
  const unread = bufferTensor(program, "weight", "unread", [4, 3]);
  const y = linear(program, x, w);
  const expected = {
    name: "TypeError",
    message: 'Cannot differentiate "x · w": it does not depend on "unread"',
  };
  assert.throws(() => gradients(program, y, [w, unread]), expected);
  assert.throws(() => gradients(program, y, [unread]), expected);
});

Deno.test("gradients() names the operation when it has no gradient rule", () => {
  const program = createProgram("p");
  const x = bufferTensor(program, "input", "x", [2, 3]);
  const y = columnSum(program, x);
  assert.throws(() => gradients(program, y, [x]), {
    name: "TypeError",
    message: 'Cannot differentiate column_sum at "x column sum": it has no gradient rule',
  });
});

Deno.test("gradients() adds no product for a weight that is frozen", () => {
  // x → frozen 1 → adapted (frozen base, trained a and b) → frozen 2 → loss.
  const program = createProgram("p");
  const weight = (name: string, shape: readonly number[]) =>
    bufferTensor(program, "weight", name, shape);
  const x = bufferTensor(program, "input", "x", [6, 8]);
  const bias = weight("bias", [8]);
  const a = weight("a", [2, 8]), b = weight("b", [8, 2]);
  const mask = bufferTensor(program, "input", "mask", [2], "u32");
  const first = linear(program, x, weight("first", [8, 8]), bias);
  const adapter = { a, b, mask, scale: 1 };
  const second = loraLinear(program, first, weight("second", [8, 8]), bias, adapter);
  const last = linear(program, second, weight("last", [3, 8]));
  const forward = program.nodes.length;
  gradients(program, last, [a, b]);
  // The seed; back through `last` to its input; du and dv = db; then du masked, and da = maskedᵀ·first. Nothing for `first` or any base weight.
  assert.deepEqual(operations(program).slice(forward), [
    "fill",
    "matmul",
    "matmul",
    "matmul",
    "column_mask",
    "matmul",
  ]);
});

Deno.test("gradients() leaves the input's gradient out when only a normalisation's scale is wanted", () => {
  const program = createProgram("p");
  const x = bufferTensor(program, "input", "x", [6, 8]);
  const gamma = bufferTensor(program, "weight", "gamma", [8]);
  const beta = bufferTensor(program, "weight", "beta", [8]);
  const y = layerNorm(program, x, gamma, beta, 1e-5);
  gradients(program, y, [gamma]);
  assert.deepEqual(operations(program), ["layer_norm", "fill", "layer_norm_parameter_backward"]);
});

/** Slices of a packed output buffer "gradient", one per tensor. */
function packed(program: Program, tensors: readonly Tensor[]): Tensor[] {
  const length = 64 * tensors.length;
  declareBuffer(program, { name: "gradient", dtype: "f32", role: "output", length });
  return tensors.map(({ name, shape }, i) =>
    sliceTensor(program, "gradient", `d${name}`, shape, 64 * i)
  );
}

const firsts = (data: ArrayLike<number>) => [data[0], data[64], data[128]];

onEveryDevice(
  "placeIn() writes into the slice without a copy when nothing else reads the gradient",
  async (device) => {
    const program = createProgram("placed");
    const x = bufferTensor(program, "input", "x", [4, 2]);
    const w = bufferTensor(program, "weight", "w", [1, 2]);
    const y = linear(program, x, w);
    placeIn(program, gradients(program, y, [w]), packed(program, [w]));
    assert.ok(!operations(program).includes("copy"));
    const { gradient } = await runProgram(device, lower(program), {
      x: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    }, ["gradient"]);
    assert.deepEqual([...gradient.subarray(0, 3)], [16, 20, 0]);
  },
);

onEveryDevice("placeIn() copies a gradient when another node reads it", async (device) => {
  const program = createProgram("read elsewhere");
  const x = bufferTensor(program, "input", "x", [2]);
  const middle = activation(program, "relu", x);
  const y = add(program, middle, middle);
  const wrt = [middle, x];
  placeIn(program, gradients(program, y, wrt), packed(program, wrt));
  assert.equal(operations(program).filter((op) => op === "copy").length, 1);
  const { gradient } = await runProgram(device, lower(program), { x: Float32Array.of(-1, 1) }, [
    "gradient",
  ]);
  assert.deepEqual([...gradient.subarray(0, 2)], [2, 2]);
  assert.deepEqual([...gradient.subarray(64, 66)], [0, 2]);
});

onEveryDevice("placeIn() copies a gradient when several targets share it", async (device) => {
  const program = createProgram("several targets");
  const tensors = ["a", "b", "c"].map((name) => bufferTensor(program, "input", name, [1]));
  const [a, b, c] = tensors;
  const sum = add(program, add(program, a, b), c);
  const wrt = gradients(program, activation(program, "relu", sum), tensors);
  assert.equal(wrt[0], wrt[1]);
  placeIn(program, wrt, packed(program, tensors));
  const { gradient } = await runProgram(device, lower(program), { a: Float32Array.of(5) }, [
    "gradient",
  ]);
  assert.deepEqual(firsts(gradient), [1, 1, 1]);
});

onEveryDevice("placeIn() copies a gradient when it is the seed", async (device) => {
  const program = createProgram("seed");
  const x = bufferTensor(program, "input", "x", [2]);
  const seed = bufferTensor(program, "input", "seed", [2]);
  const y = add(program, x, x);
  placeIn(program, gradients(program, y, [y], seed), packed(program, [y]));
  const { gradient } = await runProgram(device, lower(program), { seed: Float32Array.of(3, 4) }, [
    "gradient",
  ]);
  assert.deepEqual([...gradient.subarray(0, 3)], [3, 4, 0]);
});

Deno.test("placeIn() refuses a target of another shape", () => {
  const program = createProgram("p");
  const x = bufferTensor(program, "input", "x", [4]);
  const [dx] = gradients(program, add(program, x, x), [x]);
  const target = bufferTensor(program, "output", "dx", [3]);
  assert.throws(() => placeIn(program, [dx], [target]), {
    name: "RangeError",
    message: 'Cannot apply place to "sum": expected shape [3], got [4]',
  });
});

const values = blockValues();

/** Central differences of the float64 oracle, for every scalar of a parameter. */
function differences(name: BlockParameter): Float64Array {
  return finiteDifference(
    (moved) => blockOracle({ ...values, [name]: moved }),
    values[name],
    new Float64Array(3).fill(1),
  );
}

const expected = Object.fromEntries(
  blockParameters.map((name) => [name, differences(name)]),
) as Record<BlockParameter, Float64Array>;

for (const [kind, wrt] of Object.entries({ all: blockParameters, trained: blockTrained })) {
  onEveryDevice(
    `gradients() of a transformer block equal finite differences for ${kind} parameters`,
    async (device) => {
      const program = createProgram("block");
      const parameters = Object.fromEntries(
        blockParameters.map((
          name,
        ) => [name, bufferTensor(program, "weight", name, blockShapes[name])]),
      ) as Record<BlockParameter, Tensor>;
      const loss = buildBlock(program, parameters);
      const computed = gradients(program, loss, wrt.map((name) => parameters[name]));
      computed.forEach((tensor, i) => keepAs(program, tensor, `d${wrt[i]}`));
      keepAs(program, loss, "loss");
      const results = await runProgram(device, lower(program), { ...values, ...blockBatch }, [
        "loss",
        ...wrt.map((name) => `d${name}`),
      ]);
      assertClose(results.loss, blockOracle(values), 1e-5, "loss");
      for (const name of wrt) assertClose(results[`d${name}`], expected[name], 1e-5, `d${name}`);
    },
  );
}
