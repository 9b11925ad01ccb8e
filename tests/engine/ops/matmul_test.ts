import assert from "node:assert/strict";
import { linear, loraLinear } from "../../../src/engine/ops/matmul.ts";
import { bufferTensor, type CompactDType, createProgram } from "../../../src/engine/program.ts";
import * as oracle from "../../reference/linear.ts";
import * as loraOracle from "../../reference/lora_linear.ts";
import { type OpCase, testOp } from "../op_testing.ts";

/** N, K, M. Where K and the contiguous axes are multiples of 4 the kernel loads vectors; the backward products have other axes, so mixtures matter. */
const shapes = [
  [1, 1, 1],
  [4, 4, 4],
  [1, 8, 12],
  [12, 20, 4],
  [36, 44, 28],
  [68, 4, 100],
  [30, 12, 18],
  [9, 64, 33],
  [7, 5, 3],
  [64, 32, 32],
  [65, 33, 31],
  [130, 17, 127],
  [33, 128, 8],
  [3, 300, 61],
  // One row, which the CPU multiplies without packing: whole steps of 16 and 8, a rest, and a last group of fewer than four rows.
  [1, 131, 66],
  [1, 40, 37],
];

function linearCase([N, K, M]: readonly number[]): OpCase<"x" | "w" | "bias"> {
  return {
    name: `linear ${N}×${K}·${K}×${M}`,
    inputs: { x: { shape: [N, K] }, w: { shape: [M, K] }, bias: { shape: [M] } },
    build: (program, { x, w, bias }) => linear(program, x, w, bias),
    oracle({ x, w, bias }, dy) {
      const shape = { N, K, M };
      const { dx, dw, dbias } = oracle.linearBackward(dy, x, w, shape);
      return { y: oracle.linear(x, w, bias, shape), gradients: { x: dx, w: dw, bias: dbias } };
    },
  };
}

/** With the weight of a compact type, which no gradient reaches; the gradient of x multiplies by it untransposed. */
function frozen<I extends string>(
  testCase: OpCase<I>,
  weight: NoInfer<I>,
  stored: CompactDType,
): OpCase<I> {
  const { name, inputs, oracle } = testCase;
  return {
    ...testCase,
    name: `${name} of ${stored}`,
    inputs: { ...inputs, [weight]: { ...inputs[weight], stored } },
    oracle(values, dy) {
      const { y, gradients: { ...gradients } } = oracle(values, dy);
      delete gradients[weight];
      return { y, gradients };
    },
  };
}

type LoraInputs = "x" | "w0" | "bias" | "a" | "b" | "mask";

function loraCase([N, K, M, r]: readonly number[]): OpCase<LoraInputs> {
  return {
    name: `lora linear ${N}×${K}×${M} rank ${r}`,
    inputs: {
      x: { shape: [N, K] },
      w0: { shape: [M, K] },
      bias: { shape: [M] },
      a: { shape: [r, K] },
      b: { shape: [M, r] },
      mask: { shape: [r], data: Uint32Array.from({ length: r }, (_, i) => i % 3 === 1 ? 0 : 1) },
    },
    build: (program, { x, w0, bias, a, b, mask }) =>
      loraLinear(program, x, w0, bias, { a, b, mask, scale: 2 }),
    oracle({ x, w0, bias, a, b, mask }, dy) {
      const shape = { N, K, M, r };
      const inputs = { x, w0, bias, a, b, mask, s: 2 };
      const back = loraOracle.loraLinearBackward(dy, inputs, shape);
      return {
        y: loraOracle.loraLinear(inputs, shape),
        gradients: { x: back.dx, a: back.da, b: back.db, w0: back.dw, bias: back.dbias },
      };
    },
  };
}

const loraShapes = [
  [1, 1, 1, 1],
  [5, 7, 3, 2],
  [66, 40, 35, 8],
  [129, 64, 64, 5],
  [72, 48, 80, 4],
  [1, 37, 50, 5],
];

testOp("linear", shapes.map(linearCase));
testOp("lora linear", loraShapes.map(loraCase));

/** On either side of the size from which llvmpipe gets larger tiles, and narrow products that it cuts along K. */
testOp("larger linear", [[127, 65, 127], [128, 64, 128], [520, 256, 8]].map(linearCase));

/** Register tiles, tiles in workgroup memory, and cuts along K that leave the last part shorter. */
const variants = ["4x4", "8x8", "16x12", "shared", "8x4 parts 4", "shared parts 64"];
const variantShapes = [[68, 36, 100], [65, 33, 31]];
const loraVariants = ["16x8 parts 3", "shared"];
const loraVariantShapes = [[66, 132, 36, 8], [67, 35, 70, 5]];
testOp("linear of any size", variantShapes.map(linearCase), variants);
testOp("lora linear of any size", loraVariantShapes.map(loraCase), loraVariants);

for (const stored of ["f16", "int8"] as const) {
  const frozenLinear = (shape: readonly number[]) => frozen(linearCase(shape), "w", stored);
  const frozenLora = (shape: readonly number[]) => frozen(loraCase(shape), "w0", stored);
  testOp(`linear of ${stored}`, shapes.map(frozenLinear));
  testOp(`lora linear of ${stored}`, loraShapes.map(frozenLora));
  testOp(`linear of ${stored} of any size`, variantShapes.map(frozenLinear), variants);
  testOp(`lora linear of ${stored} of any size`, loraVariantShapes.map(frozenLora), loraVariants);
}

Deno.test("linear() names both operands when the inner sizes differ", () => {
  const program = createProgram("bad");
  const x = bufferTensor(program, "input", "x", [2, 3]);
  const w = bufferTensor(program, "weight", "w", [4, 5]);
  assert.throws(() => linear(program, x, w), {
    name: "RangeError",
    message: 'Cannot multiply "x" [2, 3] by "w" [4, 5]ᵀ: expected equal inner sizes, got 3 and 5',
  });
});
