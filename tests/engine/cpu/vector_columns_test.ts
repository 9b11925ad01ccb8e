import assert from "node:assert/strict";
import { assertClose } from "../../reference/compare.ts";
import { layerNorm, layerNormBackward } from "../../reference/layer_norm.ts";
import { bitsOf, createHeap, onEveryVariant } from "./vector_testing.ts";

const widths = [1, 2, 3, 4, 5, 7, 8, 9, 33, 130];
/** Fewer rows than a chunk has, exactly as many, and more. */
const rowCounts = [1, 63, 64, 65, 200];
const TOLERANCE = 2e-5;

/** Runs over the columns in one go, and in three ranges of odd widths. */
function cuts(width: number): [number, number][] {
  const first = Math.floor(width / 3), second = Math.ceil(2 * width / 3);
  return [[0, first], [first, second], [second, width]];
}

onEveryVariant("columnSums() equals sums in float64, in whatever ranges", (vector) => {
  for (const width of widths) {
    for (const rows of rowCounts) {
      const heap = createHeap(width % 4);
      const x = heap.take(rows * width);
      const y = heap.take(width), parts = heap.take(width);
      vector.columnSums({ x, y, rows, width }, 0, width);
      for (const range of cuts(width)) {
        vector.columnSums({ x, y: parts, rows, width }, ...range);
      }
      const expected = Float64Array.from({ length: width }, (_, c) => {
        let sum = 0;
        for (let n = 0; n < rows; n++) sum += x[n * width + c];
        return sum;
      });
      assertClose(y, expected, TOLERANCE, `${rows}×${width}`);
      assert.deepEqual(bitsOf(parts), bitsOf(y));
      heap.check();
    }
  }
});

onEveryVariant("layerNormParameters() equals its oracle, in whatever ranges", (vector) => {
  for (const width of widths) {
    for (const N of rowCounts) {
      const heap = createHeap(width % 4);
      const [x, dy] = [heap.take(N * width), heap.take(N * width)];
      const [gamma, beta] = [heap.take(width), heap.take(width)];
      const [y, statistics] = [heap.take(N * width), heap.take(2 * N)];
      const epsilon = 1e-3;
      vector.layerNorm({ x, gamma, beta, y, statistics, width, epsilon }, 0, N);
      const [dgamma, dbeta, dgammaParts, dbetaParts] = [1, 2, 3, 4].map(() => heap.take(width));
      const call = { x, statistics, dy, rows: N, width };
      vector.layerNormParameters({ ...call, dgamma, dbeta }, 0, width);
      for (const range of cuts(width)) {
        vector.layerNormParameters({ ...call, dgamma: dgammaParts, dbeta: dbetaParts }, ...range);
      }
      assertClose(y, layerNorm(x, gamma, beta, { N, C: width }, epsilon), TOLERANCE, "y");
      const expected = layerNormBackward(dy, x, gamma, { N, C: width }, epsilon);
      assertClose(dgamma, expected.dgamma, TOLERANCE, `dgamma of ${N}×${width}`);
      assertClose(dbeta, expected.dbeta, TOLERANCE, `dbeta of ${N}×${width}`);
      assert.deepEqual(bitsOf(dgammaParts), bitsOf(dgamma));
      assert.deepEqual(bitsOf(dbetaParts), bitsOf(dbeta));
      heap.check();
    }
  }
});
