import assert from "node:assert/strict";
import { IGNORED_LABEL } from "../../../src/engine/ops/ignored_label.ts";
import { assertClose } from "../../reference/compare.ts";
import { crossEntropy, crossEntropyBackward } from "../../reference/cross_entropy.ts";
import { bitsOf, createHeap, onEveryVariant } from "./vector_testing.ts";

const TOLERANCE = 3e-6;

onEveryVariant("crossEntropy() and its backward equal their oracles at every width", (vector) => {
  const N = 7;
  for (const L of [1, 2, 3, 4, 5, 20, 77, 1025]) {
    const heap = createHeap(L % 4);
    const logits = heap.take(N * L);
    const labels = heap.takeWords(
      Array.from({ length: N }, (_, n) => n === 3 ? IGNORED_LABEL : (n * 5) % L),
    );
    const weights = heap.take([1, 0.5, 0, 1, 2, 0.25, 1]), dloss = heap.take(N);
    const [loss, again, logSums] = [heap.take(N), heap.take(N), heap.take(N)];
    const call = { logits, labels, weights, width: L };
    vector.crossEntropy({ ...call, loss, logSums }, 0, N);
    vector.crossEntropy({ ...call, loss: again, logSums: undefined }, 0, 2);
    vector.crossEntropy({ ...call, loss: again, logSums: undefined }, 2, N);
    const dlogits = heap.take(N * L);
    vector.crossEntropyBackward({ ...call, logSums, dloss, dlogits }, 0, N);
    const shape = { N, L };
    const expected = crossEntropy(logits, labels, weights, shape);
    // One class has no loss; what is left is the rounding of its logit.
    expected.forEach((value, n) => assert.ok(Math.abs(loss[n] - value) <= 2e-6 + 3e-6 * value));
    assert.deepEqual(bitsOf(again), bitsOf(loss));
    if (L > 1) {
      const backward = crossEntropyBackward(dloss, logits, labels, weights, shape);
      assertClose(dlogits, backward, TOLERANCE, `${L} classes`);
    }
    heap.check();
  }
});

onEveryVariant("crossEntropy() neither overflows nor loses far classes", (vector) => {
  const heap = createHeap(1);
  const logits = heap.take([3e38, -3e38, 0, -1000, -1000, -1000.5]);
  const labels = heap.takeWords([0, 2]), weights = heap.take([1, 1]), loss = heap.take(2);
  const logSums = undefined;
  vector.crossEntropy({ logits, labels, weights, loss, logSums, width: 3 }, 0, 2);
  assert.equal(loss[0], 0);
  const expected = Math.log(2 + Math.exp(-0.5)) + 0.5;
  assert.ok(Math.abs(loss[1] - expected) < 1e-4, `${loss[1]}`);
  heap.check();
});
