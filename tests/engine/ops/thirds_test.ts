import assert from "node:assert/strict";
import { joinThirds, splitThirds } from "../../../src/engine/ops/thirds.ts";
import { bufferTensor, createProgram } from "../../../src/engine/program.ts";
import * as oracle from "../../reference/thirds.ts";
import { testOp } from "../op_testing.ts";

/** 65,535 workgroups would take a tensor beyond the largest binding of the software adapter. */
const shapes = [[1, 1], [3, 7], [17, 64], [5, 130], [1031, 97]];

testOp(
  "split_thirds",
  [0, 1, 2].flatMap((part) =>
    shapes.map(([N, W]) => ({
      name: `third ${part} of ${N}×${3 * W}`,
      inputs: { x: { shape: [N, 3 * W] } },
      build: (program, { x }) => splitThirds(program, x)[part],
      oracle: ({ x }, dy) => ({
        y: oracle.third(x, part, { N, W }),
        gradients: {
          x: oracle.joined([0, 1, 2].map((at) => at === part ? dy : undefined), { N, W }),
        },
      }),
      tolerance: 0,
    }))
  ),
);

testOp(
  "join_thirds",
  shapes.map(([N, W]) => ({
    name: `thirds of ${N}×${3 * W} in another order`,
    inputs: { x: { shape: [N, 3 * W] } },
    build(program, { x }) {
      const [first, second, third] = splitThirds(program, x);
      return joinThirds(program, third, first, second);
    },
    oracle({ x }, dy) {
      const [first, second, third] = [0, 1, 2].map((part) => oracle.third(x, part, { N, W }));
      const [dThird, dFirst, dSecond] = [0, 1, 2].map((part) => oracle.third(dy, part, { N, W }));
      return {
        y: oracle.joined([third, first, second], { N, W }),
        gradients: { x: oracle.joined([dFirst, dSecond, dThird], { N, W }) },
      };
    },
    tolerance: 0,
  })),
);

Deno.test("splitThirds() and joinThirds() refuse what has no thirds, or unequal ones", () => {
  const program = createProgram("refused");
  const x = bufferTensor(program, "input", "x", [2, 4]);
  const y = bufferTensor(program, "input", "y", [4, 2]);
  assert.throws(() => splitThirds(program, x), {
    name: "RangeError",
    message: 'Cannot cut "x" [2, 4] in three: expected a multiple of 3 columns',
  });
  assert.throws(() => joinThirds(program, x, x, y), RangeError);
});
