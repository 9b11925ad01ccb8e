import assert from "node:assert/strict";
import { assertClose } from "../../reference/compare.ts";
import { layerNorm, layerNormBackward } from "../../reference/layer_norm.ts";
import { maskedSoftmax, maskedSoftmaxBackward } from "../../reference/masked_softmax.ts";
import { rmsNorm, rmsNormBackward } from "../../reference/rms_norm.ts";
import { bitsOf, createHeap, onEveryVariant } from "./vector_testing.ts";

const widths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 63, 64, 65, 129];
const TOLERANCE = 3e-6;
/** Rows of a test, cut in three ranges that begin in the middle of a head and of a batch entry. */
const B = 3, H = 2;

function inThree(rows: number, run: (begin: number, end: number) => void): void {
  const first = Math.floor(rows / 5), second = Math.floor(2 * rows / 3);
  for (const [begin, end] of [[0, first], [first, second], [second, rows]]) run(begin, end);
}

for (const causal of [false, true]) {
  const title = causal ? "causal" : "not causal";
  onEveryVariant(`maskedSoftmax() equals its oracle when it is ${title}`, (vector) => {
    for (const T of widths) {
      const heap = createHeap(T % 4);
      const rows = B * H * T;
      const scores = heap.take(rows * T);
      // The second entry has no keys at all, the third lacks its first key.
      const mask = heap.takeWords(
        Array.from({ length: B * T }, (_, i) => i < T ? (i % 3 === 1 ? 0 : 1) : i > 2 * T ? 1 : 0),
      );
      const expected = maskedSoftmax(scores, mask, { B, H, T }, 0.25, causal);
      // What is hidden may be anything.
      for (let i = 0; i < scores.length; i++) {
        const query = Math.floor(i / T) % T, key = i % T, entry = Math.floor(i / (H * T * T));
        if (mask[entry * T + key] === 0 || (causal && key > query)) scores[i] = NaN;
      }
      const whole = heap.take(rows * T), parts = heap.take(rows * T);
      const call = { scores, mask, heads: H, tokens: T, scale: 0.25, causal };
      vector.maskedSoftmax({ ...call, probabilities: whole }, 0, rows);
      inThree(
        rows,
        (...range) => vector.maskedSoftmax({ ...call, probabilities: parts }, ...range),
      );
      assertClose(whole, expected, TOLERANCE, `${T} tokens`);
      assert.ok(whole.subarray(H * T * T, 2 * H * T * T).every((value) => Object.is(value, 0)));
      assert.deepEqual(bitsOf(parts), bitsOf(whole));
      heap.check();
    }
  });
}

onEveryVariant("maskedSoftmax() does not overflow when scores are large", (vector) => {
  const heap = createHeap(0);
  const scores = heap.take([3e38, 3e38, -3e38, -1e4]), probabilities = heap.take(4);
  const mask = heap.takeWords([1, 1]);
  const call = { scores, mask, probabilities, heads: 1, tokens: 2, scale: 1, causal: false };
  vector.maskedSoftmax(call, 0, 2);
  assert.deepEqual([...probabilities], [0.5, 0.5, 0, 1]);
});

onEveryVariant("maskedSoftmaxBackward() equals its oracle at every width", (vector) => {
  for (const T of widths) {
    const heap = createHeap(T % 4);
    const rows = B * H * T, width = T;
    const random = heap.take(rows * T), dp = heap.take(rows * T);
    const p = heap.take(
      maskedSoftmax(random, new Array(B * T).fill(1), { B, H, T }, 1, false),
    );
    const whole = heap.take(rows * T), parts = heap.take(rows * T);
    const call = { p, dp, width, scale: 0.3 };
    vector.maskedSoftmaxBackward({ ...call, ds: whole }, 0, rows);
    inThree(rows, (...range) => vector.maskedSoftmaxBackward({ ...call, ds: parts }, ...range));
    // One key alone has no gradient: what is left are roundings of the numbers themselves.
    const expected = maskedSoftmaxBackward(dp, p, { B, H, T }, 0.3);
    expected.forEach((value, i) => {
      assert.ok(Math.abs(whole[i] - value) <= TOLERANCE, `width ${T}: ${whole[i]}, not ${value}`);
    });
    assert.deepEqual(bitsOf(parts), bitsOf(whole));
    heap.check();
  }
});

onEveryVariant("layerNorm() and its backward equal their oracles at every width", (vector) => {
  const N = 11, epsilon = 1e-3;
  for (const width of widths) {
    const heap = createHeap(width % 4);
    const [x, dy] = [heap.take(N * width), heap.take(N * width)];
    const [gamma, beta] = [heap.take(width), heap.take(width)];
    const [y, again, dx, dParts] = [1, 2, 3, 4].map(() => heap.take(N * width));
    const statistics = heap.take(2 * N);
    const call = { x, gamma, beta, width, epsilon };
    vector.layerNorm({ ...call, y, statistics }, 0, N);
    inThree(
      N,
      (...range) => vector.layerNorm({ ...call, y: again, statistics: undefined }, ...range),
    );
    const back = { x, gamma, statistics, dy, width };
    vector.layerNormBackward({ ...back, dx }, 0, N);
    inThree(N, (...range) => vector.layerNormBackward({ ...back, dx: dParts }, ...range));
    const shape = { N, C: width };
    assertClose(y, layerNorm(x, gamma, beta, shape, epsilon), TOLERANCE, `width ${width}`);
    if (width > 1) {
      const expected = layerNormBackward(dy, x, gamma, shape, epsilon).dx;
      assertClose(dx, expected, 10 * TOLERANCE, `dx of width ${width}`);
    }
    assert.deepEqual(bitsOf(again), bitsOf(y));
    assert.deepEqual(bitsOf(dParts), bitsOf(dx));
    heap.check();
  }
});

onEveryVariant("layerNorm() saves the mean and rstd worked out by hand", (vector) => {
  const heap = createHeap(2);
  // Mean 3 and variance 4; mean −1 and variance 0.
  const x = heap.take([1, 5, 1, 5, 1, 5, -1, -1, -1, -1, -1, -1]);
  const [gamma, beta] = [heap.take([2, 2, 2, 2, 2, 3]), heap.take([1, 1, 1, 1, 1, 1])];
  const y = heap.take(12), statistics = heap.take(4);
  vector.layerNorm({ x, gamma, beta, y, statistics, width: 6, epsilon: 0 }, 0, 1);
  vector.layerNorm({ x, gamma, beta, y, statistics, width: 6, epsilon: 0.25 }, 1, 2);
  assert.deepEqual([...statistics], [3, 0.5, -1, 2]);
  assert.deepEqual([...y], [-1, 3, -1, 3, -1, 4, 1, 1, 1, 1, 1, 1]);
  heap.check();
});

onEveryVariant("rmsNorm() and its backward equal their oracles at every width", (vector) => {
  const N = 11, epsilon = 1e-3;
  for (const width of widths) {
    const heap = createHeap(width % 4);
    const [x, dy, gamma] = [heap.take(N * width), heap.take(N * width), heap.take(width)];
    const [y, again, dx, dParts] = [1, 2, 3, 4].map(() => heap.take(N * width));
    const rstd = heap.take(N);
    const call = { x, gamma, width, epsilon };
    vector.rmsNorm({ ...call, y, rstd }, 0, N);
    inThree(N, (...range) => vector.rmsNorm({ ...call, y: again, rstd: undefined }, ...range));
    const back = { x, gamma, rstd, dy, width };
    vector.rmsNormBackward({ ...back, dx }, 0, N);
    inThree(N, (...range) => vector.rmsNormBackward({ ...back, dx: dParts }, ...range));
    const shape = { N, C: width };
    assertClose(y, rmsNorm(x, gamma, shape, epsilon), TOLERANCE, `width ${width}`);
    const expected = rmsNormBackward(dy, x, gamma, shape, epsilon).dx;
    assertClose(dx, expected, 10 * TOLERANCE, `dx of width ${width}`);
    assert.deepEqual(bitsOf(again), bitsOf(y));
    assert.deepEqual(bitsOf(dParts), bitsOf(dx));
    heap.check();
  }
});
