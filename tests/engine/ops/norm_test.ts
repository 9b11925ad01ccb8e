import { layerNorm } from "../../../src/engine/ops/layer_norm.ts";
import { rmsNorm } from "../../../src/engine/ops/rms_norm.ts";
import * as layerOracle from "../../reference/layer_norm.ts";
import * as rmsOracle from "../../reference/rms_norm.ts";
import { testOp } from "../op_testing.ts";

/** The last shape needs more than 65,535 workgroups; its parameter gradients are left out: llvmpipe ends a loop after 65,535 turns. */
const shapes = [[1, 2], [3, 7], [5, 64], [17, 131], [70_001, 2]];
const lanes = ["16 lanes", "32 lanes", "64 lanes"];
const fits = (N: number) => N < 65_536;

testOp(
  "layer norm",
  shapes.map(([N, C]) => ({
    name: `layer norm ${N}×${C}`,
    inputs: { x: { shape: [N, C] }, gamma: { shape: [C] }, beta: { shape: [C] } },
    build: (program, { x, gamma, beta }) => layerNorm(program, x, gamma, beta, 1e-3),
    oracle({ x, gamma, beta }, dy) {
      const { dx, dgamma, dbeta } = layerOracle.layerNormBackward(dy, x, gamma, { N, C }, 1e-3);
      return {
        y: layerOracle.layerNorm(x, gamma, beta, { N, C }, 1e-3),
        gradients: { x: dx, ...(fits(N) && { gamma: dgamma, beta: dbeta }) },
      };
    },
  })),
  lanes,
);

testOp(
  "rms norm",
  shapes.map(([N, C]) => ({
    name: `rms norm ${N}×${C}`,
    inputs: { x: { shape: [N, C] }, gamma: { shape: [C] } },
    build: (program, { x, gamma }) => rmsNorm(program, x, gamma, 1e-3),
    oracle({ x, gamma }, dy) {
      const { dx, dgamma } = rmsOracle.rmsNormBackward(dy, x, gamma, { N, C }, 1e-3);
      return {
        y: rmsOracle.rmsNorm(x, gamma, { N, C }, 1e-3),
        gradients: { x: dx, ...(fits(N) && { gamma: dgamma }) },
      };
    },
  })),
  lanes,
);

testOp(
  "rms norm of heads",
  [[1, 3, 2], [3, 5, 7], [6, 4, 12], [9, 3, 130], [35_001, 2, 2]].map(([N, H, D]) => {
    const vectors = { N: N * H, C: D };
    return {
      name: `rms norm of ${H} heads of ${D}, ${N} rows`,
      inputs: { x: { shape: [N, H * D] }, gamma: { shape: [D] } },
      build: (program, { x, gamma }) => rmsNorm(program, x, gamma, 1e-3),
      oracle({ x, gamma }, dy) {
        const { dx, dgamma } = rmsOracle.rmsNormBackward(dy, x, gamma, vectors, 1e-3);
        return {
          y: rmsOracle.rmsNorm(x, gamma, vectors, 1e-3),
          gradients: { x: dx, ...(fits(N * H) && { gamma: dgamma }) },
        };
      },
    };
  }),
  lanes,
);
