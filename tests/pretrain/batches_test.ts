import assert from "node:assert/strict";
import { IGNORED_LABEL } from "../../src/engine/ops/ignored_label.ts";
import {
  batchesOf,
  blockCount,
  type Objective,
  predictionCount,
  type TokenCorpus,
} from "../../src/pretrain/batches.ts";

const [START, END, MASK] = [2, 3, 4];
const masked: Objective = {
  kind: "masked",
  start: START,
  end: END,
  rate: 0.25,
  tokens: { mask: MASK, vocabulary: 1000, special: new Set([0, 1, START, END, MASK]) },
};
const next: Objective = { kind: "next" };

/** Tokens that tell where they stood: place p holds 5 + p. */
function corpusOf(length: number): TokenCorpus {
  return {
    length,
    read(start, count) {
      assert.ok(start >= 0 && start + count <= length, "nothing is read beyond the corpus");
      return Uint32Array.from({ length: count }, (_, i) => 5 + start + i);
    },
  };
}

/** Places in the corpus that the rows of an epoch begin at. */
function starts(objective: Objective, corpus: TokenCorpus, T: number, epoch: number): number[] {
  const blocks = blockCount(objective, corpus, T);
  const batchOf = batchesOf(objective, corpus, { batch: 1, tokens: T, seed: 9 });
  return Array.from({ length: blocks }, (_, i) => {
    const { ids, places, labels } = batchOf(epoch * blocks + i);
    const row = ids.slice();
    if (objective.kind === "masked") places.forEach((place, p) => row[place] = labels[p]);
    return (objective.kind === "masked" ? row[1] : row[0]) - 5;
  });
}

for (const objective of [masked, next]) {
  Deno.test(`batchesOf() takes every block once an epoch, in another order and at other borders (${objective.kind})`, () => {
    const corpus = corpusOf(200), T = 8;
    const width = objective.kind === "masked" ? T - 2 : T;
    const epochs = [0, 1, 2].map((epoch) => starts(objective, corpus, T, epoch));
    for (const epoch of epochs) {
      const inOrder = [...epoch].sort((x, y) => x - y);
      const [first] = inOrder;
      assert.ok(first < width);
      assert.deepEqual(inOrder, inOrder.map((_, i) => first + i * width), "blocks side by side");
      assert.notDeepEqual(epoch, inOrder, "shuffled");
    }
    assert.ok(new Set(epochs.map((epoch) => Math.min(...epoch))).size > 1, "borders move");
    assert.notDeepEqual(
      epochs[0].map((place) => Math.floor(place / width)),
      epochs[1].map((place) => Math.floor(place / width)),
    );
  });

  Deno.test(`batchesOf() gives a step the same batch whenever it is asked for (${objective.kind})`, () => {
    const corpus = corpusOf(120), settings = { batch: 3, tokens: 8, seed: 4 };
    const inOrder = batchesOf(objective, corpus, settings);
    const batches = Array.from({ length: 20 }, (_, step) => inOrder(step));
    const anew = batchesOf(objective, corpus, settings);
    for (const step of [13, 2, 19, 0]) assert.deepEqual(anew(step), batches[step]);
    const other = batchesOf(objective, corpus, { ...settings, seed: 5 });
    assert.notDeepEqual(other(0), batches[0]);
  });
}

Deno.test("batchesOf() puts masked rows between start and end and counts places over the batch", () => {
  const T = 10, batch = 4;
  const P = predictionCount(masked, batch, T);
  assert.equal(P, batch * 2);
  const { ids, places, labels } = batchesOf(masked, corpusOf(300), { batch, tokens: T, seed: 1 })(
    0,
  );
  assert.deepEqual([ids.length, places.length, labels.length], [batch * T, P, P]);
  for (let row = 0; row < batch; row++) {
    assert.deepEqual([ids[row * T], ids[(row + 1) * T - 1]], [START, END]);
    const own = places.subarray(row * 2, row * 2 + 2);
    assert.ok(own.every((place) => place > row * T && place < (row + 1) * T - 1), `${own}`);
  }
  assert.ok(labels.every((label) => label >= 5 && label !== IGNORED_LABEL));
});

Deno.test("batchesOf() ignores the predictions that a row of special tokens lacks", () => {
  const special: TokenCorpus = { length: 100, read: (_, count) => new Uint32Array(count) };
  const { places, labels } = batchesOf(masked, special, { batch: 2, tokens: 10, seed: 1 })(0);
  assert.deepEqual(new Set(labels), new Set([IGNORED_LABEL]));
  assert.ok(places.every((place) => place < 20));
});

Deno.test("batchesOf() labels every token with the one after it, over the border of its row", () => {
  const { ids, places, labels } = batchesOf(next, corpusOf(50), { batch: 2, tokens: 5, seed: 1 })(
    0,
  );
  assert.deepEqual([...places], [...ids.keys()]);
  assert.deepEqual([...labels], [...ids].map((id) => id + 1));
  assert.equal(predictionCount(next, 2, 5), 10);
});
