import assert from "node:assert/strict";
import { assertClose } from "../../reference/compare.ts";
import { bitsOf, createHeap, onEveryVariant } from "./vector_testing.ts";

onEveryVariant(
  "scatterRows() sums the rows of each id and clears the others, in whatever ranges",
  (vector) => {
    const V = 5;
    for (const width of [1, 3, 4, 16, 18, 35]) {
      for (const ids of [[0], [4, 4, 4, 4], [3, 0, 1, 3, 0, 3, 1]]) {
        const heap = createHeap(width % 4);
        const call = { ids: heap.takeWords(ids), x: heap.take(ids.length * width), width };
        const table = heap.take(V * width), parts = heap.take(V * width);
        vector.scatterRows({ ...call, table }, 0, width);
        const middle = Math.floor(width / 3);
        vector.scatterRows({ ...call, table: parts }, 0, middle);
        vector.scatterRows({ ...call, table: parts }, middle, width);
        const expected = new Float64Array(V * width);
        ids.forEach((id, n) => {
          for (let c = 0; c < width; c++) expected[id * width + c] += call.x[n * width + c];
        });
        assertClose(table, expected, 1e-6, `width ${width}`);
        assert.deepEqual(bitsOf(parts), bitsOf(table));
        heap.check();
      }
    }
  },
);
