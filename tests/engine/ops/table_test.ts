import { crossEntropy } from "../../../src/engine/ops/cross_entropy.ts";
import { IGNORED_LABEL } from "../../../src/engine/ops/ignored_label.ts";
import { embedding } from "../../../src/engine/ops/embedding.ts";
import { pool } from "../../../src/engine/ops/pool.ts";
import { rope, ropeFrequencies, ropeTable } from "../../../src/engine/ops/rope.ts";
import * as lossOracle from "../../reference/cross_entropy.ts";
import * as embeddingOracle from "../../reference/embedding.ts";
import * as poolOracle from "../../reference/pool.ts";
import * as ropeOracle from "../../reference/rope.ts";
import { testOp, wholeNumbers } from "../op_testing.ts";

testOp(
  "embedding",
  [[1, 1, 1], [11, 5, 30], [64, 130, 100]].map(([V, C, N]) => ({
    name: `embedding ${V}×${C} at ${N}`,
    inputs: {
      table: { shape: [V, C] },
      ids: { shape: [N], data: wholeNumbers(`ids ${V}`, N, V) },
    },
    build: (program, { table, ids }) => embedding(program, table, ids),
    oracle: ({ table, ids }, dy) => ({
      y: embeddingOracle.embedding(table, ids, { V, C }),
      gradients: { table: embeddingOracle.embeddingBackward(dy, ids, { V, C }) },
    }),
  })),
);

for (const stored of ["f16", "int8"] as const) {
  testOp(
    `embedding of ${stored}`,
    [[1, 1, 1], [11, 5, 30], [9, 64, 7], [64, 131, 100]].map(([V, C, N]) => ({
      name: `embedding of ${stored} ${V}×${C} at ${N}`,
      inputs: {
        table: { shape: [V, C], stored },
        ids: { shape: [N], data: wholeNumbers(`ids ${V}`, N, V) },
      },
      build: (program, { table, ids }) => embedding(program, table, ids),
      oracle: ({ table, ids }) => ({
        y: embeddingOracle.embedding(table, ids, { V, C }),
        gradients: {},
      }),
      tolerance: 0,
    })),
  );
}

// By V, C, ids: more columns than a workgroup's, more ids than it compares at a time, rows that none or almost all name, more than 65,535 rows. Where each
// column goes through all ids, llvmpipe ends its loops, after 65,535 turns in all, before it has seen all the same.
const namings: [string, number, number, Uint32Array][] = [
  ["all the same", 1, 321, new Uint32Array(14_000)],
  ["almost all the same", 3, 5, Uint32Array.from({ length: 2500 }, (_, n) => n % 1100 ? 1 : 0)],
  ["every second place", 2200, 7, Uint32Array.from({ length: 1100 }, (_, n) => 2199 - 2 * n)],
  ["some often", 6, 1030, wholeNumbers("often", 1100, 5)],
  ["few of many", 65_537, 1, Uint32Array.of(65_536, 7, 65_536)],
];
testOp(
  "embedding with rows that many ids name or none",
  namings.map(([name, V, C, ids]) => ({
    name: `embedding ${V}×${C}, ${name}`,
    inputs: { table: { shape: [V, C] }, ids: { shape: [ids.length], data: ids } },
    build: (program, { table, ids }) => embedding(program, table, ids),
    oracle: ({ table, ids }, dy) => ({
      y: embeddingOracle.embedding(table, ids, { V, C }),
      gradients: { table: embeddingOracle.embeddingBackward(dy, ids, { V, C }) },
    }),
  })),
);

testOp("embedding of rows of states", [{
  name: "embedding of [2,3,5] at 4",
  inputs: {
    table: { shape: [2, 3, 5] },
    ids: { shape: [4], data: Uint32Array.of(5, 0, 3, 3) },
  },
  build: (program, { table, ids }) => embedding(program, table, ids),
  oracle: ({ table, ids }, dy) => ({
    y: embeddingOracle.embedding(table, ids, { V: 6, C: 5 }),
    gradients: { table: embeddingOracle.embeddingBackward(dy, ids, { V: 6, C: 5 }) },
  }),
}]);

testOp(
  "rope",
  [[1, 1, 1, 2], [2, 5, 3, 6], [2, 33, 4, 16]].map(([B, T, H, D]) => ({
    name: `rope B${B} T${T} H${H} D${D}`,
    inputs: {
      x: { shape: [B, T, H * D] },
      positions: { shape: [B, T], data: Uint32Array.from({ length: B * T }, (_, i) => i % T) },
      table: { shape: [T, D], data: ropeTable(T, ropeFrequencies(D, 10_000)) },
    },
    build: (program, { x, positions, table }) => rope(program, x, positions, table, H),
    oracle: ({ x }, dy) => ({
      y: ropeOracle.rope(x, { B, T, H, D }, 10_000),
      gradients: { x: ropeOracle.ropeBackward(dy, { B, T, H, D }, 10_000) },
    }),
  })),
);

testOp(
  "pool",
  [[1, 1, 1], [3, 7, 5], [4, 33, 130]].map(([B, T, C]) => ({
    name: `pool B${B} T${T} C${C}`,
    inputs: { x: { shape: [B, T, C] }, w: { shape: [B, T] } },
    build: (program, { x, w }) => pool(program, x, w),
    oracle: ({ x, w }, dy) => ({
      y: poolOracle.pool(x, w, { B, T, C }),
      gradients: { x: poolOracle.poolBackward(dy, x, w, { B, T, C }).dx },
    }),
  })),
);

testOp(
  "cross entropy",
  [[1, 1], [5, 20], [33, 77], [4, 2048], [2, 50_257]].map(([N, L]) => ({
    name: `cross entropy ${N}×${L}`,
    inputs: {
      logits: { shape: [N, L] },
      labels: {
        shape: [N],
        data: wholeNumbers(`labels ${N} ${L}`, N, L).map((label, n) =>
          n === 3 ? IGNORED_LABEL : label
        ),
      },
      weights: {
        shape: [N],
        data: Float32Array.from({ length: N }, (_, n) => n === 1 ? 0 : 1 / N),
      },
    },
    build: (program, { logits, labels, weights }) => crossEntropy(program, logits, labels, weights),
    oracle: ({ logits, labels, weights }, dy) => ({
      y: lossOracle.crossEntropy(logits, labels, weights, { N, L }),
      gradients: { logits: lossOracle.crossEntropyBackward(dy, logits, labels, weights, { N, L }) },
    }),
  })),
  ["16 lanes", "32 lanes", "64 lanes"],
);
