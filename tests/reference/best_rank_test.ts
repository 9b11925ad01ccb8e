import assert from "node:assert/strict";
import { bestRank, type Dense } from "./best_rank.ts";

const rounded = (matrix: Dense) =>
  matrix.map((row) => row.map((value) => Math.round(value * 1e9) / 1e9 + 0));

Deno.test("bestRank() gives the approximations and singular values worked out by hand", () => {
  // Eigenvalues of [[2, 1], [1, 2]]: 3 along (1, 1) and 1 along (1, −1).
  const symmetric = [[2, 1], [1, 2]];
  assert.deepEqual(rounded(bestRank(symmetric, 1).matrix), [[1.5, 1.5], [1.5, 1.5]]);
  assert.deepEqual(rounded(bestRank(symmetric, 2).matrix), symmetric);
  assert.deepEqual(rounded([bestRank(symmetric, 1).values]), [[3, 1]]);
  // Not square: the row (0, 5) is the larger.
  const tall = [[3, 0], [0, 5], [0, 0]];
  assert.deepEqual(rounded(bestRank(tall, 1).matrix), [[0, 0], [0, 5], [0, 0]]);
  assert.deepEqual(rounded(bestRank([[3, 0, 0], [0, 5, 0]], 1).matrix), [[0, 0, 0], [0, 5, 0]]);
  assert.deepEqual(rounded([bestRank(tall, 2).values]), [[5, 3]]);
});
